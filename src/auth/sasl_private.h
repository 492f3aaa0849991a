#ifndef PP_AUTH_SASL_PRIVATE_H
#define PP_AUTH_SASL_PRIVATE_H

/*
 * The one place that sees GNU SASL: what sasl*.c and scram_key.c share.
 */
#include <gsasl.h>

#include "auth/sasl.h"
#include "base/buf.h"
#include "base/span.h"
#include "net/network.h"

/* sasl_base64_add - append base64 of the n bytes at p; 0 or -1 (no room). */
int sasl_base64_add(struct buf *out, const void *p, size_t n);

/*
 * sasl_base64_decode - at most size bytes into out, *n of them.  0, or -1 when
 * `text` is not base64 or the bytes do not fit.
 */
int sasl_base64_decode(struct span text, void *out, size_t size, size_t *n);

/* sasl_base64_property - set a property to base64 of at most 64 bytes; GNU
 * SASL's result. */
int sasl_base64_property(Gsasl_session *session, Gsasl_property property,
			 const unsigned char *p, size_t n);

/* ---- the server side: sasl.c and sasl_verify.c ----------------------------
 */

enum sasl_kind { SASL_PLAIN, SASL_LOGIN, SASL_SCRAM, SASL_EXTERNAL };

struct sasl_mechanism {
	const char *name;
	enum sasl_kind kind;
	enum scram_hash hash; /* of SCRAM */
	bool plus;            /* with channel binding */
	/* How many messages it takes from the client: GNU SASL would ask for
	 * the one of PLAIN again for as long as it gets empty ones. */
	unsigned messages;
};

enum { SASL_MECHANISMS = 7 };

struct sasl {
	Gsasl *gsasl;
	struct users *users;
	struct login_guard *guard;
	struct network_list exempt;
	bool allowed[SASL_MECHANISMS];
	bool channel_binding;
	bool by_name; /* the configuration names those that are allowed */
};

struct sasl_exchange {
	struct sasl *sasl;
	struct sasl_channel channel;
	const struct sasl_mechanism *mechanism;
	Gsasl_session *session;
	struct span message; /* what gsasl_step() is given */
	unsigned messages;   /* received */
	struct user user;    /* who it is, or who was tried */
	bool right;          /* the callback found the login to be right */
	bool proved;         /* SCRAM: waits for the client's last word */
	int64_t delay_ms, waited_ms; /* as in the answer */
	enum sasl_result result;     /* LIMITED, UNAVAILABLE: the callback's */
	struct err err;
};

/* sasl_verify_property - GNU SASL's questions: is this password right, what is
 * the key of that user. */
int sasl_verify_property(Gsasl *gsasl, Gsasl_session *session,
			 Gsasl_property property);

/* sasl_verify_certificate - the user that the client's certificate may log in
 * as: `authzid`, or the first of them when that is empty.  1, 0, -1 (TEMP). */
int sasl_verify_certificate(struct sasl *s, const struct sasl_channel *c,
			    struct span authzid, struct user *user,
			    struct err *e);

/*
 * sasl_verify_begin, _end - around the look at a password, or at a proof of one
 * (password.p NULL), of this user: wait for a turn, tell how it ended.  begin:
 * OK, to be followed by end, or LIMITED.  end: the time to wait.
 */
enum sasl_result sasl_verify_begin(struct sasl *s, const struct sasl_channel *c,
				   const char *user, struct span password,
				   struct login_attempt *a, int64_t *waited_ms);
int64_t sasl_verify_end(struct sasl *s, struct login_attempt *a,
			enum sasl_result result);

/* sasl_verify_pause - the wait for what is no guess at a password. */
int64_t sasl_verify_pause(const struct sasl *s);

#endif
