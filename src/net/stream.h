#ifndef PP_NET_STREAM_H
#define PP_NET_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"
#include "base/thread.h"
#include "net/tls.h"

/*
 * struct stream - one connection with bounded buffers, absolute deadlines and a
 * wake-up descriptor.  Everything a protocol reads or writes goes through it.
 *
 * Deadlines are clock_mono_ms() values for the whole call, not per read(2);
 * a negative one never passes.  Failures: -1 with class
 *   TIMEOUT  the deadline passed         CLOSED  end of input or reset
 *   STOP     the watched wake was raised TEMP    any other system error
 * After CLOSED or TEMP the stream is dead: every later call fails the same.
 * Thread: one at a time.
 */
struct stream;

enum {
	STREAM_IN_BYTES = 16 * 1024,
	STREAM_OUT_BYTES = 16 * 1024,
	STREAM_SKIP_BYTES = 1024 * 1024, /* of a line that is too long */
	/* A wait for input that lasts longer gives the buffers back, and the
	 * used part of the thread's stack. */
	STREAM_IDLE_MS = 1000,
};

/*
 * stream_new - take over the connected socket fd: it becomes non-blocking and
 * stream_free closes it.  0, or -1 (TEMP): fd is still the caller's.
 */
int stream_new(struct stream **s, int fd, struct err *e);
void stream_free(struct stream **s); /* closes; unflushed output is lost */
int stream_fd(const struct stream *s);

/* stream_watch - waits end with STOP once w is raised; NULL: watch nothing. */
void stream_watch(struct stream *s, const struct wake *w);

/* stream_pace - from now on see whether the peer moves (quiet_ms > 0).
 * stream_is_silent - we wait for it, and it has moved nothing for quiet_ms, or
 * next to nothing for three times as long.  Thread: any. */
void stream_pace(struct stream *s, int64_t quiet_ms);
bool stream_is_silent(const struct stream *s, int64_t now_ms);

/* ---- input ----------------------------------------------------------------
 */

enum line_flag {
	LINE_LONG = 1,    /* over max: read to its end and dropped, text is
			     empty, head has its first bytes */
	LINE_BARE_LF = 2, /* ended by LF without CR */
	LINE_BARE_CR = 4, /* a CR inside that is not followed by LF */
	LINE_NUL = 8,     /* a NUL inside */
};
enum { LINE_HEAD = 4 };
struct line {
	struct span
	    text; /* without its CRLF or LF; lives until the next call */
	unsigned flags;
	char head[LINE_HEAD]; /* of one that is LONG */
};

/*
 * stream_read_line - the next line, at most max <= STREAM_IN_BYTES - 2 bytes of
 * text.  A longer one is read to its end within the deadline, and reported with
 * LINE_LONG: never split, never truncated unseen.  End of input in the middle
 * of a line is CLOSED, and so is a line that has no end within
 * STREAM_SKIP_BYTES more: a fast peer must not keep us reading.  Returns 0 or
 * -1.
 */
int stream_read_line(struct stream *s, size_t max, int64_t deadline_ms,
		     struct line *line, struct err *e);

/*
 * stream_fill - wait until at least one byte is buffered; *have borrows all
 * buffered bytes until the next call.  stream_consume drops the first n.
 */
int stream_fill(struct stream *s, int64_t deadline_ms, struct span *have,
		struct err *e);
void stream_consume(struct stream *s, size_t n);

/* stream_buffered - bytes read from the peer and not yet consumed. */
size_t stream_buffered(const struct stream *s);

/*
 * stream_acknowledge - tell the peer's system now that its bytes came.  For
 * who waits for more of them after a part: a peer that answers in two pieces
 * may hold the second back until the first is acknowledged (Nagle), which a
 * system that has nothing to send puts off for 40 ms.
 */
void stream_acknowledge(struct stream *s);

/* stream_peer_spoke - true when input is there or comes within wait_ms. */
bool stream_peer_spoke(struct stream *s, int wait_ms);

/*
 * stream_await_taken - wait until the peer's system has all that was flushed.
 * False: it took no more of it for quiet_ms, or deadline_ms passed.  True also
 * when there is input, or nothing to wait for any more: the next read tells.
 */
bool stream_await_taken(struct stream *s, int64_t quiet_ms,
			int64_t deadline_ms);

/* ---- output ---------------------------------------------------------------
 */

/* Buffered; a full buffer is written out within the deadline. */
int stream_write(struct stream *s, const void *p, size_t n, int64_t deadline_ms,
		 struct err *e);
int stream_writef(struct stream *s, int64_t deadline_ms, struct err *e,
		  const char *fmt, ...) __attribute__((format(printf, 4, 5)));
int stream_flush(struct stream *s, int64_t deadline_ms, struct err *e);

/* stream_hear_out - a write failed: what the peer said before that may still be
 * read, and what was not sent never will be. */
void stream_hear_out(struct stream *s);

/* stream_shutdown - nothing more will be written: TLS says so first, then TCP.
 * What the peer still sends can be read. */
int stream_shutdown(struct stream *s, struct err *e);

/* ---- TLS ------------------------------------------------------------------
 *
 * From a successful call on, everything goes through TLS, with the same
 * deadlines, wake and classes of failures; an end without close_notify and any
 * failure of TLS are CLOSED.
 */

/* stream_prepare_tls - take what a handshake as server needs, so that a lack of
 * memory or of a certificate (TEMP) is known before the client is told to
 * begin; the stream is as it was. */
int stream_prepare_tls(struct stream *s, struct tls_server *server,
		       struct err *e);

/*
 * stream_accept_tls, stream_connect_tls - flush, then the handshake, as server
 * or as client.  Every failure leaves the stream dead:
 *   PROTO    input was already buffered: the peer, or someone between, sent it
 *            before the handshake (CVE-2011-0411); or the handshake failed
 *   TEMP     the certificate is not what *peer demands: stream_tls tells why
 *   CLOSED, TIMEOUT, STOP as for reading
 * Fits the stack of a session (base/thread.h).
 */
int stream_accept_tls(struct stream *s, struct tls_server *server,
		      int64_t deadline_ms, struct err *e);
int stream_connect_tls(struct stream *s, struct tls_client *client,
		       const struct tls_peer *peer, int64_t deadline_ms,
		       struct err *e);

/* stream_tls - what is known of the peer, for the life of the stream; NULL when
 * there is no TLS or its handshake did not get that far. */
const struct tls_info *stream_tls(const struct stream *s);

/* stream_tls_binding - channel binding "tls-exporter" (RFC 9266): 0, or -1 when
 * the connection has none. */
int stream_tls_binding(struct stream *s, uint8_t out[32]);

#endif
