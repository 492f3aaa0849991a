#include "sender/route.h"

#include <stdio.h>
#include <string.h>

#include "base/conf.h"
#include "mail/address.h"

static const char *const tls_names[] = { "may", "none", "require", "verify",
					 "dane" };

enum { TLS_NAMES = sizeof(tls_names) / sizeof(tls_names[0]) };

const char *
route_tls_name(enum route_tls tls)
{
	return tls_names[tls];
}

static bool
is_v4(const char *host)
{
	return host[strspn(host, "0123456789.")] == '\0';
}

bool
route_is_loopback(const struct route *r)
{
	return r->kind == ROUTE_LOCAL ||
	       (r->kind == ROUTE_HOST &&
		((is_v4(r->host) && strncmp(r->host, "127.", 4) == 0) ||
		 strcmp(r->host, "::1") == 0 ||
		 strcmp(r->host, "localhost") == 0));
}

bool
route_may_ask(const struct route *r)
{
	return r->kind != ROUTE_MX && r->auth[0] == '\0';
}

/* ---- reading ------------------------------------------------------------
 */

static int
parse_path(struct span text, struct route *r, struct err *e)
{
	r->kind = ROUTE_LOCAL;
	if (!r->lmtp)
		return err_set(e, ERR_PERM, 0,
			       "a local socket is reached by LMTP: lmtp:%.*s",
			       SPAN_ARG(text));
	if (span_copy(text, r->path, sizeof(r->path)) != 0)
		return err_set(e, ERR_PERM, 0,
			       "the socket's path is longer than %d bytes",
			       ROUTE_PATH_SIZE - 1);
	return 0;
}

/* RFC 5321 5.1 is about domains that have records: a literal has none, but is
 * an address to go to, if the configuration allows. */
static int
parse_domain(struct span text, struct route *r, struct err *e)
{
	r->kind = ROUTE_MX;
	if (r->lmtp)
		return err_set(e, ERR_PERM, 0,
			       "a server found by MX records is reached by "
			       "SMTP");
	if (text.n > 0 && !address_domain_is_valid(text, false))
		return err_set(e, ERR_PERM, 0, "'%.*s' is not a domain",
			       SPAN_ARG(text));
	return span_copy(text, r->host, sizeof(r->host)) == 0
		   ? 0
		   : err_set(e, ERR_PERM, 0, "domain too long");
}

static void
lower(char *text)
{
	for (; *text != '\0'; text++)
		*text = (char)span_lower(*text);
}

/* A name, with '_' as private networks have it, or an address. */
static bool
is_host(const char *host)
{
	return host[strspn(host, "abcdefghijklmnopqrstuvwxyz"
				 "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "0123456789.:-_")] == '\0';
}

static int
parse_server(struct span text, struct route *r, struct err *e)
{
	struct span lmtp = span_of("lmtp:"), mx = span_of("mx:");

	if (span_starts_nocase(text, lmtp)) {
		r->lmtp = true;
		text = span_skip(text, lmtp.n);
	}
	if (text.n > 0 && text.p[0] == '/')
		return parse_path(text, r, e);
	int rc;
	if (span_eq_nocase(text, span_of("mx"))) {
		rc = parse_domain(span_skip(text, text.n), r, e);
	} else if (span_starts_nocase(text, mx)) {
		if (text.n == mx.n)
			return err_set(e, ERR_PERM, 0, "mx: without a domain");
		rc = parse_domain(span_skip(text, mx.n), r, e);
	} else {
		r->kind = ROUTE_HOST;
		rc = net_endpoint(text,
				  r->lmtp ? ROUTE_LMTP_PORT : ROUTE_SMTP_PORT,
				  r->host, &r->port, e);
		if (rc == 0 && !is_host(r->host))
			rc = err_set(e, ERR_PERM, 0, "'%s' is not a host",
				     r->host);
		else if (rc == 0 && r->port == 0)
			rc = err_set(e, ERR_PERM, 0, "port 0");
	}
	lower(r->host);
	return rc;
}

static int
parse_tls(struct span value, struct route *r, struct err *e)
{
	char word[32];

	for (unsigned i = 0; i < TLS_NAMES; i++) {
		if (!span_eq(value, span_of(tls_names[i])))
			continue;
		r->tls = (enum route_tls)i;
		return 0;
	}
	const char *near = span_copy(value, word, sizeof(word)) == 0
			       ? conf_nearest(word, tls_names, TLS_NAMES)
			       : NULL;
	return err_set(e, ERR_PERM, 0,
		       near != NULL ? "tls=%.*s is none of none, may, require, "
				      "verify, dane; did you mean '%s'?"
				    : "tls=%.*s is none of none, may, require, "
				      "verify, dane%s",
		       SPAN_ARG(value), near != NULL ? near : "");
}

static int
parse_option(struct span word, struct route *r, bool seen[2], struct err *e)
{
	long equals = span_find(word, '=', 0);
	struct span name = span_head(word, equals < 0 ? 0 : (size_t)equals);
	struct span value = span_skip(word, name.n + 1);
	bool tls = span_eq(name, span_of("tls"));

	if (!tls && !span_eq(name, span_of("auth")))
		return err_set(e, ERR_PERM, 0,
			       "'%.*s' is neither tls=LEVEL nor auth=NAME",
			       SPAN_ARG(word));
	if (seen[tls])
		return err_set(e, ERR_PERM, 0, "%.*s stands twice",
			       SPAN_ARG(name));
	seen[tls] = true;
	if (tls)
		return parse_tls(value, r, e);
	if (value.n == 0 || span_copy(value, r->auth, sizeof(r->auth)) != 0)
		return err_set(e, ERR_PERM, 0,
			       "auth=%.*s is no name of [credentials]",
			       SPAN_ARG(value));
	return 0;
}

/* What cannot be meant together. */
static int
check(const struct route *r, struct err *e)
{
	bool sure = r->tls == ROUTE_TLS_REQUIRE || r->tls == ROUTE_TLS_VERIFY ||
		    r->tls == ROUTE_TLS_DANE;

	if (r->kind == ROUTE_LOCAL && sure)
		return err_set(e, ERR_PERM, 0,
			       "there is no TLS on a local socket");
	if (r->kind == ROUTE_HOST && r->tls == ROUTE_TLS_DANE &&
	    (is_v4(r->host) || strchr(r->host, ':') != NULL))
		return err_set(e, ERR_PERM, 0,
			       "tls=dane needs a name: DNS says nothing of "
			       "the certificate of %s",
			       r->host);
	if (r->kind == ROUTE_MX && r->auth[0] != '\0')
		return err_set(e, ERR_PERM, 0,
			       "auth= needs one server: a password is not "
			       "shown to whoever an MX record names");
	if (r->auth[0] == '\0' || route_is_loopback(r))
		return 0;
	if (!sure)
		return err_set(e, ERR_PERM, 0,
			       "auth= would send a password in clear text: "
			       "add tls=verify (or dane)");
	if (r->tls == ROUTE_TLS_REQUIRE)
		return err_set(e, ERR_PERM, 0,
			       "auth= would show a password to whoever answers,"
			       " since tls=require takes any certificate: "
			       "tls=verify (or dane)");
	return 0;
}

int
route_parse(struct span text, struct route *r, struct err *e)
{
	bool seen[2] = { false, false };
	struct span word = span_word(&text);

	*r = (struct route){ .kind = ROUTE_HOST };
	if (parse_server(word, r, e) != 0)
		return -1;
	while ((word = span_word(&text)).n > 0) {
		if (parse_option(word, r, seen, e) != 0)
			return -1;
	}
	return check(r, e);
}

/* ---- writing ------------------------------------------------------------
 */

void
route_key(const struct route *r, char key[SCHEDULER_KEY_SIZE])
{
	unsigned standard = r->lmtp ? ROUTE_LMTP_PORT : ROUTE_SMTP_PORT;
	const char *protocol = r->lmtp ? "lmtp:" : "";
	char server[NET_HOST_SIZE + 16] = "";

	switch (r->kind) {
	case ROUTE_HOST:
		(void)snprintf(server, sizeof(server),
			       strchr(r->host, ':') != NULL ? "[%s]:%u"
							    : "%s:%u",
			       r->host, r->port != 0 ? r->port : standard);
		break;
	case ROUTE_LOCAL:
		(void)snprintf(server, sizeof(server), "%s", r->path);
		break;
	case ROUTE_MX:
		(void)snprintf(server, sizeof(server), "%s%s",
			       r->host[0] != '\0' ? "mx:" : "mx", r->host);
		break;
	}
	(void)snprintf(key, SCHEDULER_KEY_SIZE, "%s%s%s%s%s%s", protocol,
		       server, r->tls != ROUTE_TLS_MAY ? " tls=" : "",
		       r->tls != ROUTE_TLS_MAY ? tls_names[r->tls] : "",
		       r->auth[0] != '\0' ? " auth=" : "", r->auth);
}
