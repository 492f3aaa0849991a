#ifndef PP_AUTH_SASL_H
#define PP_AUTH_SASL_H

#include <stdbool.h>

#include "auth/login_guard.h"
#include "auth/users.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

/*
 * SASL server side (RFC 4422) over GNU SASL: PLAIN (RFC 4616), LOGIN,
 * SCRAM-SHA-1 (RFC 5802), SCRAM-SHA-256 (RFC 7677), both also -PLUS with the
 * binding tls-exporter (RFC 9266), and EXTERNAL with a client certificate.
 * struct sasl is shared by all sessions of a server; struct sasl_exchange is
 * one AUTH command.
 */
struct sasl;
struct sasl_exchange;

enum {
	SASL_LINE_MAX = 12288, /* RFC 4954 4: base64 of one step */
	SASL_BINDING_SIZE = 32,
	SASL_MECHANISMS_SIZE = 128, /* of the list, with its NUL */
	SASL_DIGEST_SIZE = 32,
};

/* The connection that a client logs in over, as the protocol engine knows it;
 * borrowed for each call, and through sasl_start until the exchange ends. */
struct sasl_channel {
	const char *peer;        /* its address */
	const struct wake *stop; /* raised: wait no longer; NULL: never */
	int fd; /* its socket: wait no longer when it has hung up; <= 0 */
	bool clear_text_allowed; /* encrypted, or allowed as it is: mechanisms
				    that show the password */
	bool has_binding;        /* RFC 9266: 32 bytes of the TLS exporter */
	unsigned char binding[SASL_BINDING_SIZE];
	/* Of the client's certificate, if it showed one: SHA-256 of its
	 * SubjectPublicKeyInfo, whoever signed it; and, when it was verified
	 * against the authorities that are trusted for clients, the
	 * rfc822Name in it.  NULL: none. */
	const unsigned char *certificate_digest;
	const char *certificate_name;
};

struct sasl_options {
	struct users *users;
	struct login_guard_options guard; /* window_ms 0: none */
	/* Networks (net/network.h) that no limit by address is for. */
	char *const *exempt;
	size_t n_exempt;
	/* Names that may be offered, in any order; none: all.  What cannot
	 * serve a client is not offered to it in any case. */
	const char *const *mechanisms;
	size_t n_mechanisms;
	/* Offer -PLUS where there is a binding, to all clients alike: to leave
	 * it out for some would be a lever for whoever sits in between. */
	bool channel_binding;
};

/* sasl_new - PERM for an unknown mechanism; options are copied, what they
 * point to (but for the names) lives on. */
int sasl_new(struct sasl **s, const struct sasl_options *o, struct err *e);
void sasl_free(struct sasl **s);

/* sasl_keep - remember over restarts who has logged in well from where, in this
 * directory (login_guard_keep). */
void sasl_keep(struct sasl *s, int dirfd);

/*
 * sasl_mechanisms - what EHLO and CAPA announce to this client, strongest
 * first: "SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN"; "" for nothing.  SCRAM
 * without being asked for by name only when all users can use it
 * (users_scram_offered); -PLUS with a binding where the configuration offers
 * it, EXTERNAL with a certificate that is a user's.  What is not announced is
 * SASL_UNKNOWN.
 */
const char *sasl_mechanisms(struct sasl *s, const struct sasl_channel *c,
			    char buf[SASL_MECHANISMS_SIZE]);

enum sasl_result {
	SASL_CONTINUE,  /* send a->challenge, read a line, step again */
	SASL_OK,        /* a->user is who logged in */
	SASL_REFUSED,   /* wrong credentials: 535 5.7.8, after a->delay_ms */
	SASL_MALFORMED, /* not base64 or not the mechanism's form: 501 5.5.2 */
	SASL_UNKNOWN,   /* no such mechanism: 504 5.5.4 */
	SASL_LIMITED,   /* too many failed before, and no turn came: 454 4.7.0,
			   not even looked at */
	SASL_UNAVAILABLE, /* temporary failure, a->err says why: 454 4.7.0 */
};

/* What a step says. */
struct sasl_answer {
	struct buf challenge; /* base64 */
	struct user user;     /* address: who logged in, or who was tried, or
				 "" */
	int64_t delay_ms;     /* REFUSED: wait so long before the answer */
	int64_t waited_ms;    /* for its turn, because too many failed */
	struct err err;
};
void sasl_answer_init(struct sasl_answer *a);
void sasl_answer_clear(struct sasl_answer *a);

/*
 * sasl_start - begin with `mechanism` (any case); initial: base64 of the
 * initial response, "=" for an empty one, p == NULL for none.  *x is set for
 * CONTINUE only and must be given to sasl_step or sasl_cancel.
 */
enum sasl_result sasl_start(struct sasl *s, const struct sasl_channel *c,
			    struct span mechanism, struct span initial,
			    struct sasl_exchange **x, struct sasl_answer *a);

/* sasl_step - the client's next base64 line; frees *x unless CONTINUE. */
enum sasl_result sasl_step(struct sasl_exchange **x, struct span line,
			   struct sasl_answer *a);

void sasl_cancel(struct sasl_exchange **x); /* NULL-safe; the client sent "*" */

/* sasl_password - log in by name and password, without a mechanism (USER and
 * PASS of POP3), under the same limits: OK, REFUSED, LIMITED, UNAVAILABLE. */
enum sasl_result sasl_password(struct sasl *s, const struct sasl_channel *c,
			       struct span login, struct span password,
			       struct sasl_answer *a);

#endif
