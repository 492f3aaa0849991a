#ifndef PP_SENDER_CONTROL_PRIVATE_H
#define PP_SENDER_CONTROL_PRIVATE_H

#include "net/stream.h"
#include "sender/control.h"
#include "sender/control_json.h"
#include "sender/control_request.h"

/* Shared by control.c (the socket), control_queue.c and control_why.c (the
 * answers). */

enum {
	CONTROL_PAGE_MAX = 16 * 1024 * 1024, /* bytes of an answer at a time */
	CONTROL_WAIT_MS = 10000,             /* for a client to send or take */
};

/* One client. */
struct control_session {
	struct control_options o;
	struct stream *stream;
	const struct wake *stop;
	struct control_request r;
	bool found[CONTROL_IDS_MAX]; /* by place in r.ids */
	struct buf out;
	int64_t count, failed; /* messages shown or acted on */
	bool cut;              /* something did not fit */
};

/* control_session_flush - send what is in out.  0 or -1. */
int control_session_flush(struct control_session *s, struct err *e);

/* control_queue_answer - carry out the request; the last object is not its
 * matter.  0 or -1 with the reason: BUG for a verb that is none of the queue's,
 * which changes nothing. */
int control_queue_answer(struct control_session *s, struct err *e);
/* control_queue_list - the messages that wait for a recipient. */
int control_queue_list(struct control_session *s, const char *recipient,
		       struct err *e);
int control_trail_answer(struct control_session *s, struct err *e);
int control_why_answer(struct control_session *s, struct err *e);

/* control_tls_list, control_tls_forget - what is remembered of TLS;
 * control_tls_why - what a connection to the destination would be: nothing, or
 * objects of the types protection, server and no-server. */
int control_tls_list(struct control_session *s, struct err *e);
int control_tls_forget(struct control_session *s, struct err *e);
void control_tls_why(struct control_session *s, const struct route *way);

#endif
