#ifndef PP_SMTP_SERVER_H
#define PP_SMTP_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "auth/sasl.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/rand.h"
#include "mail/address.h"
#include "mail/dsn_param.h"
#include "mail/status.h"
#include "net/listener.h"
#include "smtp/smtp_limits.h"

/*
 * The SMTP server engine (RFC 5321) used by both servers.  It owns the wire:
 * lines, states, limits, replies, pipelining, AUTH.  What is accepted is the
 * policy's: struct smtp_server_ops.  Three layers: engine (smtp_server.c: the
 * verb table), verb (smtp_server_<verb>.c), policy (src/sender, src/receiver).
 */
struct network_list;
struct smtp_server;  /* a service: options + ops; shared by its sessions */
struct smtp_session; /* one client; private to the engine */

/* What a policy may know of the client; lives as long as the session. */
struct smtp_client_info {
	const char *session; /* session id */
	const char *address; /* peer's IP address */
	uint16_t port;
	const char *name; /* host name that a trusted proxy has verified, "" for
			     none; NULL: nobody has looked */
	bool is_loopback;
	bool is_unix;               /* address is "unix" */
	uid_t uid;                  /* then who it is on this machine */
	const char *helo;           /* "" before HELO/EHLO */
	bool esmtp;                 /* EHLO (or LHLO) was used */
	bool lmtp;                  /* RFC 2033 */
	const char *login;          /* canonical login, or "" */
	const char *mechanism;      /* of AUTH, in any case; or "" */
	const struct tls_info *tls; /* NULL: in clear text */
	const struct wake *kill;    /* long waits in a policy watch this */
	/* its Authentication-Results are believed; set in on_connect */
	bool keeps_results;
	void *policy; /* the policy's own for the session, set in on_connect */
	void *filter; /* and of what stands before the policy (src/milter) */
};

enum smtp_body { SMTP_BODY_7BIT, SMTP_BODY_8BITMIME };

/* The transaction as far as it has come; lives until its end or reset. */
struct smtp_txn {
	char id[RAND_ID_SIZE];    /* of the message, wherever it is named */
	const char *reverse_path; /* canonical; "" for <> */
	const char *reverse_text; /* as written, without <> */
	int64_t declared_size;    /* SIZE=, or -1 */
	enum smtp_body body;
	bool smtputf8;
	enum dsn_ret ret;        /* RET=; RFC 3461 4.3 */
	const char *envid;       /* ENVID=, xtext as written, or NULL */
	const char *delivery_id; /* XPOSTPAIRID=, or NULL */
	bool require_tls;        /* REQUIRETLS */
	int64_t release_s;       /* HOLDFOR=, HOLDUNTIL=: not before; or 0 */
	const char *release;     /* which: mail/release.h, or NULL */
	unsigned n_recipients;   /* accepted so far */
	struct smtp_txn_rcpt *recipients;
	struct arena *arena; /* until the transaction ends */
	void *policy;        /* the policy's own, set in on_mail */
	/* What stands before the policy (src/milter) has its own, and may want
	 * of the policy, from on_data on: fields above our Received line, each
	 * ending in CRLF; the message kept aside, and why.  changed: it has
	 * made this envelope, not the client.  mended: it has shown the header,
	 * as the client sent it, to the policy already.  redirected: the policy
	 * found then that it is not in its author's name. */
	void *filter;
	struct span top_fields;
	const char *quarantine; /* or NULL */
	bool changed, mended, redirected;
};
struct smtp_txn_rcpt {
	const char *canonical; /* "bob@xyz.com"; "postmaster" */
	const char *text;      /* as written */
	unsigned notify;       /* enum dsn_notify; 0: NOTIFY= was not given */
	const char *orcpt;     /* ORCPT=, "type;xtext" as written, or NULL */
	void *policy;          /* the policy's own, set in on_rcpt */
	/* reply - LMTP: the verdict on this recipient after the data, set in
	 * on_end; NULL or code 0: that of the whole message.  Borrowed until
	 * the transaction ends. */
	const struct smtp_reply *reply;
};

/* smtp_server_with - the protocol of a message, for its Received line. */
const char *smtp_server_with(const struct smtp_client_info *c,
			     const struct smtp_txn *txn);

/*
 * The policy.  Every function gets ctx of the service.  Each of those with a
 * reply must fill *r; a code of 2xx (3xx never) accepts; after a 421 the engine
 * closes the connection.  They run on the session's thread and may block within
 * the given wake.  A NULL optional op
 * means the stated default.
 */
struct smtp_server_ops {
	/*
	 * on_connect - a client is there and has not been greeted.  4xx: it
	 * gets 421 and a close; 5xx: 554, and 503 for everything but QUIT
	 * (RFC 5321 3.1).  Several parties of one policy (limits, filters) are
	 * called by its on_connect in the policy's order; the first refusal is
	 * the answer.  Default: accepted.
	 * on_disconnect - the session is over: give back c->policy.  Exactly
	 * once for each on_connect, whatever that answered; after the last
	 * on_reset.
	 */
	void (*on_connect)(void *ctx, struct smtp_client_info *c,
			   struct smtp_reply *r);
	void (*on_disconnect)(void *ctx, struct smtp_client_info *c);
	/* on_helo - EHLO (esmtp) or HELO with a name that is harmless to quote;
	 * not always the first, and c->helo is still the last one.  Accepted,
	 * an open transaction is reset; refused, the session stays as it was
	 * (4.1.4).  Default: accepted. */
	void (*on_helo)(void *ctx, const struct smtp_client_info *c,
			const char *name, bool esmtp, struct smtp_reply *r);
	/* on_unknown - a line that begins with no verb of ours, which *r
	 * refuses: for a policy that looks at it; it may put another refusal
	 * (4xx, 5xx) there.  Default: none. */
	void (*on_unknown)(void *ctx, const struct smtp_client_info *c,
			   struct span line, struct smtp_reply *r);
	/* on_mail - MAIL FROM.  txn->reverse_path etc. are set. */
	void (*on_mail)(void *ctx, const struct smtp_client_info *c,
			struct smtp_txn *txn, struct smtp_reply *r);
	/* on_rcpt - RCPT TO.  rcpt is not yet counted in txn. */
	void (*on_rcpt)(void *ctx, const struct smtp_client_info *c,
			struct smtp_txn *txn, struct smtp_txn_rcpt *rcpt,
			struct smtp_reply *r);
	/* on_data - DATA with >= 1 recipient; 2xx lets the engine send 354. */
	void (*on_data)(void *ctx, const struct smtp_client_info *c,
			struct smtp_txn *txn, struct smtp_reply *r);
	/*
	 * on_header - the header of the message, dots removed, CRLF line ends,
	 * with the empty line that ends it where there is one; exactly once for
	 * each message that comes to on_end, and before its body.  whole: false
	 * when the header is over HEADER_BLOCK_MAX bytes; then these are its
	 * first, and the others come as if they were body.
	 * on_body - the next piece of what follows, never empty.
	 * Both: the bytes are borrowed for the call. 0, or -1 with *e: the rest
	 * is read and dropped, on_end is not called, on_reset is, and the
	 * client gets the reply for *e.
	 */
	int (*on_header)(void *ctx, struct smtp_txn *txn, struct span block,
			 bool whole, struct err *e);
	int (*on_body)(void *ctx, struct smtp_txn *txn, struct span bytes,
		       struct err *e);
	/* on_end - end of data; a 2xx in *r means stored and synced for every
	 * recipient, except those whose own reply says otherwise: only an LMTP
	 * client hears these (RFC 2033 4.2), to all others *r is the answer. */
	void (*on_end)(void *ctx, const struct smtp_client_info *c,
		       struct smtp_txn *txn, struct smtp_reply *r);
	/* on_reset - the transaction is over, for whatever reason (after on_end
	 * too, RSET, disconnect, error): give back txn->policy.  Called exactly
	 * once for each on_mail that answered 2xx. */
	void (*on_reset)(void *ctx, struct smtp_txn *txn);
	/*
	 * on_queue - XQUEUE, the private extension by which a client that has
	 * logged in looks at what it handed in and has not left yet (id is
	 * NULL), and takes a message back (id: lower-case letters and digits).
	 * Default: not offered.
	 */
	void (*on_queue)(void *ctx, const struct smtp_client_info *c,
			 const char *id, struct smtp_reply *r);
};

struct smtp_server_options {
	const char *hostname;   /* greeting, EHLO, Received */
	const char *service;    /* "submission", "smtp": for logs */
	bool lmtp;              /* speak LMTP (RFC 2033), not SMTP */
	struct tls_server *tls; /* NULL, or without a certificate: STARTTLS is
				   not offered */
	bool tls_required;      /* 530 5.7.0 to what counts before TLS; not for
				   a service that strangers send to (RFC 3207
				   4) */
	/* authserv_id - Authentication-Results fields with this id are taken
	 * out of every message before anybody sees it (RFC 8601 5); NULL: none
	 * are. */
	const char *authserv_id;
	struct sasl *sasl; /* NULL: AUTH is not offered */
	/*
	 * local_user - who a system user is: a client of a unix socket is
	 * logged in as *user, filled, from the start.  False: nobody.  NULL:
	 * no client is.
	 */
	bool (*local_user)(void *local_ctx, uid_t uid, struct user *user);
	void *local_ctx;
	bool auth_required;      /* MAIL before AUTH: 530 5.7.0 */
	bool auth_in_clear_text; /* allow AUTH without TLS from everywhere;
				    else only from loopback (538 5.7.11) */
	int64_t size_max_bytes;  /* SIZE; 552 5.3.4 over it; 0: none */
	int recipients_max;      /* <= 0: SMTP_RECIPIENTS_MAX */
	int errors_max;          /* <= 0: SMTP_ERRORS_MAX */
	bool dsn;                /* RFC 3461; only for a policy that reports */
	/* delivery_ids - the private extension XPOSTPAIRID: MAIL takes
	 * XPOSTPAIRID=<1 to SMTP_DELIVERY_ID_MAX of A-Z a-z 0-9 . - _>, which
	 * names a delivery for as long as its sender may repeat it.  Who learns
	 * another's id could have his message taken for a repeated one, so it
	 * is offered to clients of this machine, to those that have logged in,
	 * and to those of delivery_ids_from (lives on; NULL: nobody else). */
	bool delivery_ids;
	const struct network_list *delivery_ids_from;
	/* require_tls - RFC 8689: REQUIRETLS over TLS, for a policy that relays
	 * what has it (txn->require_tls) only so, or not at all. */
	bool require_tls;
	/* future_release_max_s - RFC 4865: HOLDFOR and HOLDUNTIL up to so many
	 * seconds ahead, for a policy that honours txn->release_s; 0: none. */
	int64_t future_release_max_s;
	/* xclient_from - who may say with XCLIENT that it is another client,
	 * and who has logged in; lives on; NULL: nobody. */
	const struct network_list *xclient_from;
	/* greet_pause_ms - a client that speaks in it gets 421; none of this
	 * machine waits, and none of greet_at_once (lives on; NULL: nobody). */
	int64_t greet_pause_ms;
	const struct network_list *greet_at_once;
	/* The three limits in time; <= 0: those of smtp_limits.h. */
	int64_t idle_timeout_ms;    /* for a command; RFC 5321 4.5.3.2.7 */
	int64_t data_timeout_ms;    /* for the whole message */
	int64_t session_timeout_ms; /* for the whole session */
};

/* smtp_server_new - options and ops are copied, what they point to lives on. */
int smtp_server_new(struct smtp_server **s, const struct smtp_server_options *o,
		    const struct smtp_server_ops *ops, void *ctx,
		    struct err *e);
void smtp_server_free(struct smtp_server **s);

/*
 * smtp_server_session - a whole session with a client, from greeting to close;
 * struct listener_options.serve calls it (ctx is the struct smtp_server *).
 */
void smtp_server_session(void *smtp_server, const struct listener_client *c);

#endif
