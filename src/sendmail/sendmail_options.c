#include "sendmail/sendmail_options.h"

#include "base/paths.h"
#include "sendmail/sendmail.h"

#define AT(field) offsetof(struct sendmail_options, field)

enum { MIN = 60 * 1000, HOUR = 60 * MIN };

static const struct option table[] = {
	{ "sendmail", "socket", OPTION_STRING, AT(socket),
	  PATHS_RUN "/submission.sock", 0, 0, NULL,
	  "The local-socket of postpair-sender." },
	{ "sendmail", "maildrop", OPTION_STRING, AT(maildrop),
	  PATHS_SPOOL "/maildrop", 0, 0, NULL,
	  "Its maildrop directory, for when it does not answer." },
	{ "sendmail", "domain", OPTION_STRING, AT(domain), "", 0, 0, NULL,
	  "Domain of addresses that have none, the hostname of"
	  " postpair-sender; empty: the machine's own." },
	{ "sendmail", "own-domains", OPTION_WORDS, AT(own_domains), "", 0, 0,
	  NULL,
	  "Names of this machine that programs write for a domain: an address"
	  " at one of them gets domain in its place." },
	{ "sendmail", "size-max", OPTION_SIZE, AT(size_max), "50M", 65536,
	  (int64_t)1 << 30, NULL, "Largest message." },
	{ "sendmail", "connect-timeout", OPTION_TIME, AT(connect_timeout), "5s",
	  100, MIN, NULL, "Longest wait for a connection; then the maildrop." },
	{ "sendmail", "command-timeout", OPTION_TIME, AT(command_timeout), "1m",
	  100, HOUR, NULL,
	  "Longest wait for the reply to a command; then the maildrop." },
	{ "sendmail", "data-timeout", OPTION_TIME, AT(data_timeout), "10m", 100,
	  24 * HOUR, NULL,
	  "Longest time for a message, and for its last reply." },
	{ NULL, NULL, OPTION_BOOL, 0, NULL, 0, 0, NULL, NULL },
};

const struct option *
sendmail_options_table(void)
{
	return table;
}

int
sendmail_options_check(const struct sendmail_options *o, const char *path,
		       struct err *e)
{
	for (size_t i = 0; i < o->own_domains.n; i++) {
		if (address_domain_check(o->own_domains.v[i], false, e) != 0)
			return err_prefix(e, "%s: sendmail: own-domains", path);
	}
	if (o->domain[0] != '\0' &&
	    address_domain_check(o->domain, false, e) != 0)
		return err_prefix(e, "%s: sendmail: domain", path);
	return 0;
}

const char *
sendmail_options_path(void)
{
	return PATHS_CONF "/sendmail.conf";
}
