#ifndef PP_SMTP_SERVER_PRIVATE_H
#define PP_SMTP_SERVER_PRIVATE_H

#include "auth/users.h"
#include "base/buf.h"
#include "base/log.h"
#include "mail/auth_results.h"
#include "mail/dot.h"
#include "mail/header.h"
#include "smtp/smtp_server.h"

/*
 * What the engine's own files share: the session, the verb table, the replies.
 * Nothing here is for a policy.
 */

/* Where a session stands (RFC 5321 4.1.4); bits, so that a verb can name the
 * states it is allowed in. */
enum smtp_server_state {
	SMTP_ST_NEW = 1,    /* no HELO or EHLO yet */
	SMTP_ST_READY = 2,  /* no transaction */
	SMTP_ST_MAIL = 4,   /* MAIL accepted, no recipient yet */
	SMTP_ST_RCPT = 8,   /* at least one recipient */
	SMTP_ST_CHUNK = 16, /* a chunk has come, the last has not (RFC 3030) */
	SMTP_ST_TXN = SMTP_ST_MAIL | SMTP_ST_RCPT | SMTP_ST_CHUNK,
	SMTP_ST_ANY = SMTP_ST_NEW | SMTP_ST_READY | SMTP_ST_TXN,
};

enum smtp_server_flag {
	SMTP_VERB_LAST_IN_GROUP = 1, /* nothing may be sent behind it before
					its reply (RFC 2920 3.1) */
	SMTP_VERB_NO_ARGS = 2,       /* an argument is 501 (RFC 5321 4.1.1) */
	SMTP_VERB_NEEDS_ARGS = 4,    /* none is 501 */
	SMTP_VERB_NOT_LMTP = 8,      /* unknown to LMTP (RFC 2033 4.1) */
	SMTP_VERB_LMTP = 16,         /* unknown to SMTP */
	SMTP_VERB_CLEAR = 32, /* also where TLS is required (RFC 3207 4) */
	SMTP_VERB_IDLE = 64,  /* brings a client no further: before login too
				 many of these are errors */
	SMTP_VERB_ENDS_ASKING = 128, /* no idle one once a recipient was
					asked about */
	SMTP_VERB_CHUNK = 256,       /* octets follow, whatever the answer */
	SMTP_VERB_TURNED_AWAY = 512, /* also for a client that was told to go */
};

/*
 * A verb's function: `args` is the text after the verb, trimmed, borrowed for
 * the call.  Returns 0 when one reply was written; -1 only when the connection
 * cannot go on, *e says why.
 */
struct smtp_session;
typedef int smtp_server_verb_fn(struct smtp_session *s, struct span args,
				struct err *e);

struct smtp_server_verb {
	const char *name;
	smtp_server_verb_fn *run;
	unsigned states;
	unsigned flags;
	size_t line_max; /* of the whole command line, CRLF included */
	const char *usage;
};

struct smtp_server {
	struct smtp_server_options o;
	struct smtp_server_ops ops;
	void *ctx;
};

/* The message on its way in (smtp_server_intake.c). */
struct smtp_server_intake {
	struct dot_decoder chunks;   /* BDAT: goes on from chunk to chunk */
	struct buf piece;            /* decoded, for the policy */
	struct header_end end;       /* of the header, in what has come */
	struct auth_results results; /* id NULL: all of it is kept */
	struct buf kept;             /* of the piece's header */
	struct buf header;           /* what is gathered of it */
	bool has_header;             /* the policy has it, or its first part */
	int64_t bytes;               /* decoded */
	int64_t come;                /* from the client, since started_ms */
	int64_t started_ms;
	int64_t deadline_ms; /* of the whole message */
	unsigned recipients; /* that were accepted before it */
	unsigned turn;
	bool dropping;             /* refused: the rest is thrown away */
	struct smtp_reply refusal; /* when dropping */
};

struct smtp_session {
	struct smtp_server *server;
	const struct listener_client *peer;
	struct stream *stream;
	struct smtp_client_info info;
	char helo[256];
	char address[LISTENER_PEER_SIZE]; /* by XCLIENT; else the peer's */
	char name[256];                   /* by XCLIENT */
	struct user user;                 /* address "" before AUTH */
	char mechanism[24];               /* of that AUTH, as the client said */

	enum smtp_server_state state;
	struct smtp_txn txn;
	struct arena arena; /* of the transaction */
	char *slot;         /* room for the next recipient's two texts */
	char *orcpt_slot;   /* and for its ORCPT; both NULL until needed */
	struct smtp_server_intake intake;
	bool chunk_refused; /* the last command was a BDAT, and refused */

	int64_t deadline_ms; /* of the whole session */
	int64_t login_ms;    /* by then it has logged in, where it must */
	int errors;          /* 5xx since the last stored message */
	int idle;            /* commands that led nowhere since then */
	bool asked;          /* about a recipient, in this transaction */
	int refused;         /* recipients refused since then */
	int auth_failures;
	int64_t messages, recipients;
	bool connected;     /* on_connect was called */
	bool turned_away;   /* by on_connect: QUIT is all that is left */
	bool closing;       /* the last reply is written */
	const char *reason; /* why it ended, for the log */
};

/* smtp_server_verbs - the table; HELP and the tests walk it. */
const struct smtp_server_verb *smtp_server_verbs(size_t *n);

/* smtp_server_speaks - does the protocol of this service have the verb? */
bool smtp_server_speaks(const struct smtp_server *s,
			const struct smtp_server_verb *v);

smtp_server_verb_fn smtp_server_helo, smtp_server_ehlo, smtp_server_mail,
    smtp_server_rcpt, smtp_server_data, smtp_server_bdat, smtp_server_auth,
    smtp_server_rset, smtp_server_xclient, smtp_server_queue, smtp_server_noop,
    smtp_server_vrfy, smtp_server_expn, smtp_server_help, smtp_server_quit,
    smtp_server_starttls;

/* smtp_server_greet - the greeting (RFC 5321 3.1), as the policy says. */
int smtp_server_greet(struct smtp_session *s, struct err *e);

/* smtp_server_begin_anew - forget all that the client has said: as after the
 * greeting. */
void smtp_server_begin_anew(struct smtp_session *s);

/* smtp_server_may_xclient - may it say who the client is? */
bool smtp_server_may_xclient(const struct smtp_session *s);

/* smtp_server_believes_ids - is it to be believed in XPOSTPAIRID? */
bool smtp_server_believes_ids(const struct smtp_session *s);

/* smtp_server_may_require_tls - is REQUIRETLS offered now?  Over TLS only. */
bool smtp_server_may_require_tls(const struct smtp_session *s);

/* ---- what EHLO offers (smtp_server_extension.c) ----------------------------
 */

/* A service extension (RFC 5321 2.2); doc/extensions.md has a row for each. */
struct smtp_server_extension {
	const char *keyword;
	const char *standard; /* "RFC 1870"; "private" */
	/* offered - to this client, now?  NULL: always. */
	bool (*offered)(const struct smtp_session *s);
	/* parameters - what follows the keyword, with a blank before each;
	 * NULL: nothing.  0 or -1 as buf_add. */
	int (*parameters)(const struct smtp_session *s, struct buf *out);
};
const struct smtp_server_extension *smtp_server_extensions(size_t *n);

/* smtp_server_extension_list - what is offered now, each after a LF. */
int smtp_server_extension_list(const struct smtp_session *s, struct buf *out);

/* smtp_server_command - one command line, without its CRLF: look it up, check
 * it against the table, run it.  Returns as a verb does. */
int smtp_server_command(struct smtp_session *s, struct span text,
			struct err *e);

/* ---- replies (smtp_server_reply.c) -----------------------------------------
 */

/*
 * smtp_server_send - write a reply, in lines of at most 512 octets
 * (RFC 5321 4.5.3.1.5); a code of 421 also ends the session (4.2.1).
 */
int smtp_server_send(struct smtp_session *s, const struct smtp_reply *r,
		     struct err *e);

/* smtp_server_answer - the same, and a 5xx is counted: the errors_max-th is
 * answered by 421 4.7.0 instead. */
int smtp_server_answer(struct smtp_session *s, const struct smtp_reply *r,
		       struct err *e);
int smtp_server_answerf(struct smtp_session *s, struct err *e, int code,
			const char *enhanced, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/*
 * smtp_server_answer_data - the verdict after a whole message, DATA or BDAT:
 * *r, and in LMTP a reply for each of the n recipients that had been accepted,
 * in their order (RFC 2033 4.2): its own where the policy gave it one, else *r.
 * n is what txn.n_recipients was before the data: a transaction that has been
 * reset since has no recipients left, and each gets *r.  Returns as a verb.
 */
int smtp_server_answer_data(struct smtp_session *s, unsigned n,
			    const struct smtp_reply *r, struct err *e);

/* smtp_server_announce - 421: the connection is closed by us.  RFC 5321 3.8
 * allows it without QUIT only with that code, so it follows the refusal that
 * was the reason.  smtp_server_bye - a last reply, announced so unless it is
 * 421 or 221; both return smtp_server_send's value. */
int smtp_server_announce(struct smtp_session *s, struct err *e);
int smtp_server_bye(struct smtp_session *s, struct err *e, const char *reason,
		    int code, const char *enhanced, const char *text);

/* smtp_server_accepts - is this a policy's yes?  A code that is none of 2xx,
 * 4xx and 5xx is a policy's mistake: *r becomes 451 4.3.0. */
bool smtp_server_accepts(struct smtp_reply *r);

/* smtp_server_deadline - now + ms, but never after the session's end, nor,
 * before a login that is needed, after the time a client has for that: as long
 * as for one command, so that nobody holds a thread by talking slowly. */
int64_t smtp_server_deadline(const struct smtp_session *s, int64_t ms);

/* smtp_server_watch - during waits look at the drain (between transactions) or
 * at the kill (within one). */
void smtp_server_watch(struct smtp_session *s);

/* ---- the transaction (smtp_server_txn.c) -----------------------------------
 */

/* smtp_server_txn_open - an empty transaction, before on_mail. 0 or -1 (TEMP).
 */
int smtp_server_txn_open(struct smtp_session *s, const char *canonical,
			 const char *text, struct err *e);

/* smtp_server_txn_next - the slot of the next recipient, filled but not
 * counted; NULL when out of memory.  Used again until one is accepted.  orcpt:
 * at most DSN_ORCPT_MAX bytes, or none (p is NULL). */
struct smtp_txn_rcpt *smtp_server_txn_next(struct smtp_session *s,
					   const char *canonical,
					   const char *text, struct span orcpt);
void smtp_server_txn_accept(struct smtp_session *s);

/* smtp_server_txn_drop - forget a transaction that on_mail refused. */
void smtp_server_txn_drop(struct smtp_session *s);

/*
 * smtp_server_txn_reset - the one end of every transaction: on_reset if
 * on_mail had accepted, memory given back, state READY.  Harmless without one.
 */
void smtp_server_txn_reset(struct smtp_session *s);

/* ---- the message (smtp_server_intake.c) ------------------------------------
 */

/* smtp_server_intake_begin - an empty one.  smtp_server_intake_rest - no buffer
 * is needed until more comes. */
void smtp_server_intake_begin(struct smtp_session *s);
void smtp_server_intake_rest(struct smtp_session *s);

/* smtp_server_intake_fill - wait for more; as stream_fill, within all limits
 * in time.  smtp_server_intake_take - so much of it is used. */
int smtp_server_intake_fill(struct smtp_session *s, struct span *have,
			    struct err *e);
void smtp_server_intake_take(struct smtp_session *s, size_t n);

/* smtp_server_intake_hand_on - give the policy what was decoded. */
void smtp_server_intake_hand_on(struct smtp_session *s);

/* smtp_server_intake_refuse - drop the rest and answer *r at the end; the
 * transaction is reset now.  _refuse_bare - for a bare CR, LF or NUL. */
void smtp_server_intake_refuse(struct smtp_session *s,
			       const struct smtp_reply *r);
void smtp_server_intake_refuse_bare(struct smtp_session *s,
				    enum dot_result what);

/* smtp_server_intake_finish - the message is whole (or refused): ask the
 * policy, answer, end the transaction.  Returns as a verb. */
int smtp_server_intake_finish(struct smtp_session *s, struct err *e);
void smtp_server_intake_log(const struct smtp_session *s,
			    const struct smtp_reply *r);

/* smtp_server_param - take the next "KEY[=VALUE]" off *rest (RFC 5321 4.1.2):
 * 1, 0 when none is left, -1 when it is not of that form. */
int smtp_server_param(struct span *rest, struct span *key, struct span *value);

/* smtp_server_may_auth - is AUTH offered to this client now (RFC 4954 4)? */
bool smtp_server_may_auth(const struct smtp_session *s);

/* smtp_server_secured - the session is encrypted from here on: take note. */
void smtp_server_secured(struct smtp_session *s);

/* smtp_server_channel - what the room auth may know of this connection. */
void smtp_server_channel(const struct smtp_session *s, struct sasl_channel *c);

/* smtp_server_log - begin a log line with the session's keys. */
void smtp_server_log(const struct smtp_session *s, struct log_line *l,
		     enum log_level level, const char *event);

#endif
