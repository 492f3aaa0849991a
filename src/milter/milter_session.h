#ifndef PP_MILTER_MILTER_SESSION_H
#define PP_MILTER_MILTER_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"
#include "base/thread.h"
#include "mail/status.h"
#include "milter/milter_macro.h"
#include "milter/milter_packet.h"

/*
 * struct milter_session - the conversation with one milter about one SMTP
 * session, over TCP or a unix socket.  It knows the protocol: what the milter
 * wants to hear, what it answers, and that it may lie.  Anything that is not
 * the protocol, a milter that dies or is silent: -1, and the session is only to
 * be closed.  One thread at a time.
 */
struct milter_session;

struct milter_endpoint {
	char *name; /* in the configuration: for logs */
	char *host; /* NULL: path is a unix socket */
	uint16_t port;
	char *path;
	/* Longest time for: connecting and agreeing on options; one command;
	 * the whole of header and body; the end of the message.  Notices of
	 * progress do not prolong them: our own client waits too. */
	int64_t connect_ms, command_ms, content_ms, end_ms;
};

/* What a milter decided. */
enum milter_decision {
	MILTER_GOES_ON,
	MILTER_SKIPS,    /* wants no more of the same */
	MILTER_ACCEPTS,  /* wants to hear no more */
	MILTER_DISCARDS, /* accept it and throw it away */
	MILTER_REFUSES,  /* with *reply */
};
struct milter_verdict {
	enum milter_decision what;
	struct smtp_reply reply;
};

/* milter_session_open - connect and agree on options.  stop: as in net_dial. */
int milter_session_open(struct milter_session **s,
			const struct milter_endpoint *at,
			const struct wake *stop, struct err *e);

/* milter_session_close - a last QUIT, without waiting; NULL-safe. */
void milter_session_close(struct milter_session **s);

/* milter_session_is_spaced - was MILTER_LEADING_SPACE agreed on? */
bool milter_session_is_spaced(const struct milter_session *s);

/* milter_session_connect - CONNECT, with macros. */
int milter_session_connect(struct milter_session *s,
			   const struct milter_facts *f, uint16_t port,
			   struct milter_verdict *v, struct err *e);

/* milter_session_say - HELO, MAIL, RCPT, DATA, UNKNOWN (`text` are its
 * arguments), with macros.  One that the milter does not want is not sent:
 * MILTER_GOES_ON. */
int milter_session_say(struct milter_session *s, enum milter_command c,
		       const struct span *text, size_t n,
		       const struct milter_facts *f, struct milter_verdict *v,
		       struct err *e);

/* The message: begin_content once (the time counts from here), then each field
 * of the header, the end of the header, the body in pieces of at most
 * MILTER_DATA_MAX. */
void milter_session_begin_content(struct milter_session *s);
int milter_session_header(struct milter_session *s, struct span name,
			  struct span value, struct milter_verdict *v,
			  struct err *e);
int milter_session_end_header(struct milter_session *s,
			      const struct milter_facts *f,
			      struct milter_verdict *v, struct err *e);
int milter_session_body(struct milter_session *s, struct span bytes,
			struct milter_verdict *v, struct err *e);

/*
 * milter_session_end - the end of the message.  Each change the milter wants is
 * given to `edit` (packet: what r was parsed from) as far as the options allow
 * it; -1 from it is -1 from here.
 */
typedef int milter_edit_fn(void *ctx, struct span packet,
			   const struct milter_reply *r, struct err *e);
int milter_session_end(struct milter_session *s, const struct milter_facts *f,
		       milter_edit_fn *edit, void *ctx,
		       struct milter_verdict *v, struct err *e);

/* milter_session_abort - this message is over; the next may follow. */
int milter_session_abort(struct milter_session *s, struct err *e);

#endif
