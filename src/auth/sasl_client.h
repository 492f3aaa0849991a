#ifndef PP_AUTH_SASL_CLIENT_H
#define PP_AUTH_SASL_CLIENT_H

#include <stdbool.h>

#include "auth/sasl.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

/*
 * SASL client side, for any protocol: which mechanism, and what to answer to
 * each challenge.  The server is not trusted: its challenges are bounded, it
 * cannot make us count for hours, and with SCRAM it must prove that it knows
 * the password as well.  Thread: one at a time.
 */

/* Who logs in, and how far to go for it. */
struct sasl_login {
	const char *login;
	const char *password;  /* NULL: none, EXTERNAL only */
	const char *mechanism; /* NULL: the strongest that is offered */
	bool certificate;      /* one was shown to the server: EXTERNAL */
	bool clear_text;       /* show the password to another machine without
				  encryption, rather than not log in */
};

/* The connection, as the protocol's client knows it. */
struct sasl_client_channel {
	struct span offered; /* mechanisms, blank separated */
	bool is_safe;        /* encrypted, or it does not leave the machine */
	bool has_binding;
	unsigned char binding[SASL_BINDING_SIZE];
};

struct sasl_client;

enum {
	SASL_CLIENT_STEPS_MAX = 8, /* challenges; no mechanism has so many */
	SASL_CLIENT_CHALLENGE_MAX = 1024, /* bytes of one, decoded */
};

/*
 * sasl_client_new - choose a mechanism: EXTERNAL with a certificate, then SCRAM
 * with channel binding, SCRAM, PLAIN, LOGIN.  -1: PERM when none will do, with
 * a reason for the user.
 */
int sasl_client_new(struct sasl_client **c, const struct sasl_login *l,
		    const struct sasl_client_channel *channel, struct err *e);
void sasl_client_free(struct sasl_client **c);

const char *sasl_client_mechanism(const struct sasl_client *c);

/* sasl_client_speaks_first - does it begin with a response (all but LOGIN)? */
bool sasl_client_speaks_first(const struct sasl_client *c);

/*
 * sasl_client_step - append the response to `challenge` (both base64) to *out;
 * the first of who speaks first has no challenge, p == NULL or empty.  -1:
 * PROTO when the server is not what it should be, PERM when login or password
 * cannot be sent by this mechanism.
 */
int sasl_client_step(struct sasl_client *c, struct span challenge,
		     struct buf *out, struct err *e);

/* sasl_client_end - the server said yes: 0, or -1 (PROTO) when it has not
 * proved itself, in a mechanism where it must. */
int sasl_client_end(const struct sasl_client *c, struct err *e);

#endif
