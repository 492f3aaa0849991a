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

/* A last dot makes no name that mail has (RFC 5321 4.1.2). */
static int
check_domain(const char *name, const char *key, const char *path, struct err *e)
{
	if (address_domain_is_valid(span_of(name), true) && name[0] != '[')
		return 0;
	return err_set(e, ERR_PERM, 0, "%s: sendmail: %s: not a domain: %s",
		       path, key, name);
}

int
sendmail_options_check(const struct sendmail_options *o, const char *path,
		       struct err *e)
{
	for (size_t i = 0; i < o->own_domains.n; i++) {
		if (check_domain(o->own_domains.v[i], "own-domains", path, e) !=
		    0)
			return -1;
	}
	return o->domain[0] == '\0'
		   ? 0
		   : check_domain(o->domain, "domain", path, e);
}

const char *
sendmail_options_path(void)
{
	return PATHS_CONF "/sendmail.conf";
}
