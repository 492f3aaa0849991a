#ifndef PP_NET_STREAM_PRIVATE_H
#define PP_NET_STREAM_PRIVATE_H

#include "net/stream.h"
#include "net/tls_session.h"

/*
 * Input lives in in[start..end); it is moved to the front only when the tail
 * is full.  Both buffers are allocated when first needed, so that a connection
 * that says nothing costs little.
 */
struct stream {
	int fd;
	const struct wake *watch;
	char *in;
	size_t start, end;
	char *out;
	size_t out_n;
	struct tls_session *prepared; /* for the upgrade */
	struct tls_session *tls;      /* from the upgrade on, for good */
	bool dead;
	struct err why_dead;
};

/* stream_die - from here on every call fails with *why. */
int stream_die(struct stream *s, const struct err *why, struct err *e);

/* stream_wait - 0 when `events` (or an error to be read) are there. */
int stream_wait(struct stream *s, short events, int64_t deadline_ms,
		struct err *e);

/* stream_tls_read - what is there now, to in[end): 1, 0 and what to wait for,
 * or -1.  stream_tls_write - at least one byte within the deadline: 0 or -1. */
int stream_tls_read(struct stream *s, short *events, struct err *e);
int stream_tls_write(struct stream *s, const void *p, size_t n, size_t *put,
		     int64_t deadline_ms, struct err *e);

#endif
