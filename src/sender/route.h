#ifndef PP_SENDER_ROUTE_H
#define PP_SENDER_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "net/dial.h"
#include "queue/scheduler.h"

/*
 * route - how the mail for a destination travels, as a line of [routes] says
 * it:
 *
 *   host[:port]       [tls=LEVEL] [auth=NAME]      by SMTP, port 25
 *   lmtp:host[:port]  [tls=LEVEL] [auth=NAME]      by LMTP (RFC 2033), port 24
 *   lmtp:/path                                     by LMTP, a local socket
 *   mx                [tls=LEVEL]                  by MX records (RFC 5321 5.1)
 *   mx:domain         [tls=LEVEL]                  by those of another domain
 *
 * Its canonical text is the scheduler's key of the destination: two lines that
 * mean the same share connections and waits, and whoever has the key can read
 * the whole route from it.  Pure; any thread.
 */
enum route_kind {
	ROUTE_HOST,  /* one server, by TCP */
	ROUTE_LOCAL, /* one server, by a local socket */
	ROUTE_MX,    /* whatever the MX records name */
};

/* What the connection must be; see [routes] in postpair.conf(5). */
enum route_tls {
	ROUTE_TLS_MAY,     /* encrypted when offered; never less than before */
	ROUTE_TLS_NONE,    /* never asked for */
	ROUTE_TLS_REQUIRE, /* encrypted, with whatever certificate */
	ROUTE_TLS_VERIFY,  /* the certificate is valid for the host's name */
	ROUTE_TLS_DANE,    /* it is what DNSSEC says (RFC 7672) */
};

enum {
	ROUTE_PATH_SIZE = 108, /* sun_path */
	ROUTE_AUTH_SIZE = 49,  /* a key of a configuration file */
	ROUTE_SMTP_PORT = 25,
	ROUTE_LMTP_PORT = 24,
};

struct route {
	enum route_kind kind;
	bool lmtp;
	enum route_tls tls;
	uint16_t port;            /* HOST */
	char host[NET_HOST_SIZE]; /* HOST: server; MX: domain, "" its own */
	char path[ROUTE_PATH_SIZE];
	char auth[ROUTE_AUTH_SIZE]; /* name in [credentials], or "" */
};

/* A route beside its canonical text: made once, handed on to whoever needs
 * either. */
struct way {
	char key[SCHEDULER_KEY_SIZE];
	struct route route;
};

/* route_parse - a line of the configuration, or a key.  -1 (PERM): why not. */
int route_parse(struct span text, struct route *r, struct err *e);

/* route_key - the canonical text. */
void route_key(const struct route *r, char key[SCHEDULER_KEY_SIZE]);

/* route_tls_name - "may", "require" ... */
const char *route_tls_name(enum route_tls tls);

/*
 * route_may_ask - may the server be asked about recipients?  One that the
 * configuration names may; a stranger's, found by MX records, and one that
 * knows us by a login, to send on for us, are not.
 */
bool route_may_ask(const struct route *r);

/* route_is_loopback - does it stay on this machine? */
bool route_is_loopback(const struct route *r);

#endif
