#ifndef PP_MILTER_MILTER_MACRO_H
#define PP_MILTER_MILTER_MACRO_H

#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"
#include "milter/milter_packet.h"

/*
 * Sendmail's macros: what a milter may know beside the arguments of a command.
 * A value that is NULL or "" is not known and not sent.  Pure; any thread.
 */
struct milter_facts {
	/* of the client */
	const char *hostname;       /* {j}: ours */
	const char *version;        /* {v}: of this program */
	const char *daemon_name;    /* {daemon_name}: the same, as in Postfix */
	const char *origin;         /* {_}: "name [address]" */
	const char *client_address; /* {client_addr} */
	const char *client_name;    /* {client_name}: verified, or "unknown" */
	const char *client_ptr;     /* {client_ptr}: by its address alone */
	const char *client_port;
	/* of its TLS and login */
	const char *tls_version, *cipher, *cipher_bits;
	const char *cert_subject, *cert_issuer;
	const char *auth_type, *auth_authen, *auth_ssf;
	/* of the message */
	const char *id; /* {i} */
	const char *mail_mailer, *mail_host, *mail_addr;
	const char *rcpt_mailer, *rcpt_host, *rcpt_addr;
	const char *message_id; /* {msg_id} */
};

/*
 * milter_macro_put - the packet of macros that goes before command c of this
 * stage: those of `symbols` (as the milter asked; names with or without
 * braces), or the usual ones when symbols.p is NULL.  Nothing is put when none
 * of them is known.  0 or -1.
 */
int milter_macro_put(struct buf *out, const struct milter_facts *f,
		     enum milter_stage stage, enum milter_command c,
		     struct span symbols);

#endif
