#ifndef PP_NET_STREAM_PRIVATE_H
#define PP_NET_STREAM_PRIVATE_H

#include <stdatomic.h>

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

	/* of stream_pace.c; quiet_ms 0: not wanted */
	int64_t quiet_ms, quiet_left, pace_left;
	_Atomic int64_t silent_from_ms; /* INT64_MAX: it is our turn */
};

/* stream_die - from here on every call fails with *why. */
int stream_die(struct stream *s, const struct err *why, struct err *e);

/* stream_wait - 0 when `events` (or an error to be read) are there. */
int stream_wait(struct stream *s, short events, int64_t deadline_ms,
		struct err *e);

/* stream_pace_wait - we begin to wait for the peer: since when.
 * stream_pace_waited - no more.  stream_pace_moved - octets came or went. */
int64_t stream_pace_wait(struct stream *s);
void stream_pace_waited(struct stream *s, int64_t since_ms);
void stream_pace_moved(struct stream *s, size_t n);

/* stream_tls_read - what is there now, to in[end): 1, 0 and what to wait for,
 * or -1.  stream_tls_write - at least one byte within the deadline: 0 or -1. */
int stream_tls_read(struct stream *s, short *events, struct err *e);
int stream_tls_write(struct stream *s, const void *p, size_t n, size_t *put,
		     int64_t deadline_ms, struct err *e);

#endif
