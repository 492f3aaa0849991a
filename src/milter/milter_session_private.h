#ifndef PP_MILTER_MILTER_SESSION_PRIVATE_H
#define PP_MILTER_MILTER_SESSION_PRIVATE_H

#include "base/buf.h"
#include "milter/milter_session.h"
#include "net/stream.h"

/* Shared by milter_session.c (the connection and its packets) and
 * milter_session_say.c (what is said and answered). */
struct milter_session {
	const struct milter_endpoint *at;
	struct stream *stream;
	uint32_t version, actions, steps;
	bool wants[MILTER_STAGES];
	char symbols[MILTER_STAGES][MILTER_SYMBOLS_MAX + 1];
	int64_t content_deadline_ms;
	struct buf out;
	struct buf in;
	size_t used; /* of in: the packet that was given out last */
};

/* milter_session_write - what was put into s->out, into the stream's buffer. */
int milter_session_write(struct milter_session *s, int64_t deadline_ms,
			 struct err *e);

/* milter_session_reply - flush, then the next answer but notices of progress;
 * packet and *r live until the next call. */
int milter_session_reply(struct milter_session *s, int64_t deadline_ms,
			 struct span *packet, struct milter_reply *r,
			 struct err *e);

/* milter_session_is_silent - nothing may have come that was not asked for:
 * -1 (PROTO).  With `look` what has not been read yet counts too. */
int milter_session_is_silent(struct milter_session *s, bool look,
			     struct err *e);

#endif
