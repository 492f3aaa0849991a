#ifndef PP_SHELL_SESSION_TLS_H
#define PP_SHELL_SESSION_TLS_H

#include "net/tls_outcome.h"
#include "shell/shell.h"

/*
 * How the shell's connections are encrypted, and what it says when that goes
 * wrong.  The policy, for a server at `at`:
 *
 *   --tls, port 465 or 995   from the first byte
 *   --starttls, others       STARTTLS or STLS
 *   --plain                  never
 *
 * The certificate must be for the host and by a trusted issuer, or its key must
 * be the pinned one.  On loopback addresses, where nobody stands between, it
 * need not when the user has asked for nothing (no --tls, no --starttls, no
 * authority, no pin), and a server without TLS will do.
 */
struct session_tls {
	char host[NET_HOST_SIZE]; /* as certificates have it */
	unsigned level; /* as enum smtp_client_tls and enum pop3_client_tls */
	struct tls_peer peer;
	struct tls_outcome outcome;
	const char *names[1];
	uint8_t pin[TLS_PIN_BYTES];
};

/* session_tls_demand - fill *t for a connection to `at`; sh->tls_client is made
 * when it is needed.  A status. */
int session_tls_demand(struct shell *sh, const struct endpoint *at,
		       struct session_tls *t);

/* session_tls_explain - to the failure of a connection, add what to do. */
void session_tls_explain(struct shell *sh, const struct endpoint *at,
			 const struct tls_outcome *o);

/* session_tls_keep - the login went well: remember the pin it came with. */
void session_tls_keep(struct shell *sh, const struct endpoint *at);

/* session_tls_reset - what to trust, or what to show, has changed.
 * session_tls_ready - can it be used?  A status; 9 names the file that is not
 * right. */
void session_tls_reset(struct shell *sh);
int session_tls_ready(struct shell *sh);

/* session_tls_text - "TLS, verified", "not encrypted"; returns buf. */
const char *session_tls_text(const struct tls_outcome *o, char *buf,
			     size_t size);

/* session_tls_port - where such a server listens when no port is named. */
uint16_t session_tls_port(const struct endpoint *at, bool smtp);

#endif
