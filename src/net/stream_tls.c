#include <poll.h>

#include "net/stream_private.h"

/*
 * A stream that was upgraded never goes back: whatever TLS says of an end or a
 * failure ends the stream, so that no later byte of the peer, and none of ours,
 * is taken or sent in clear text (CVE-2026-45185).
 */

/* 0: *events is to be waited for, or nothing when it is 0; -1: over. */
static int
what_next(struct stream *s, enum tls_result r, short *events, struct err *e)
{
	struct err why;

	*events = 0;
	switch (r) {
	case TLS_WANT_READ:
		*events = POLLIN;
		return 0;
	case TLS_WANT_WRITE:
		*events = POLLOUT;
		return 0;
	case TLS_DONE:
		return 0;
	case TLS_END:
	case TLS_BROKEN:
		break;
	}
	(void)err_set(&why, ERR_CLOSED, 0, "connection closed by the peer");
	return stream_die(s, r == TLS_BROKEN && e != NULL ? e : &why, e);
}

int
stream_tls_read(struct stream *s, short *events, struct err *e)
{
	size_t got = 0;

	enum tls_result r = tls_session_read(s->tls, s->in + s->end,
					     STREAM_IN_BYTES - s->end, &got, e);
	if (what_next(s, r, events, e) != 0)
		return -1;
	s->end += got;
	return got > 0 ? 1 : 0;
}

int
stream_tls_write(struct stream *s, const void *p, size_t n, size_t *put,
		 int64_t deadline_ms, struct err *e)
{
	for (;;) {
		short events;
		enum tls_result r = tls_session_write(s->tls, p, n, put, e);
		if (what_next(s, r, &events, e) != 0)
			return -1;
		if (events == 0)
			return 0;
		if (stream_wait(s, events, deadline_ms, e) != 0)
			return -1;
	}
}

/* Nothing may be left over from the time in clear text: an attacker could have
 * put it there, to be taken as if it had come through TLS (CVE-2011-0411). */
static int
may_upgrade(struct stream *s, int64_t deadline_ms, struct err *e)
{
	struct err why;

	if (s->dead)
		return stream_die(s, &s->why_dead, e);
	if (s->tls != NULL)
		return err_set(e, ERR_BUG, 0, "TLS within TLS");
	if (stream_flush(s, deadline_ms, e) != 0)
		return -1;
	if (stream_buffered(s) == 0)
		return 0;
	stream_consume(s, stream_buffered(s));
	(void)err_set(&why, ERR_PROTO, 0,
		      "the peer sent more before the TLS handshake");
	return stream_die(s, &why, e);
}

/* Half a handshake cannot be taken up again: every failure is the end. */
static int
shake_hands(struct stream *s, int64_t deadline_ms, struct err *e)
{
	struct err why;

	for (;;) {
		short events;
		enum tls_result r = tls_session_handshake(s->tls, &why);
		if (what_next(s, r, &events, &why) != 0)
			return stream_die(s, &why, e);
		if (events == 0)
			return 0;
		if (stream_wait(s, events, deadline_ms, &why) != 0)
			return stream_die(s, &why, e);
	}
}

int
stream_prepare_tls(struct stream *s, struct tls_server *server, struct err *e)
{
	tls_session_free(&s->prepared);
	return tls_session_new_server(&s->prepared, s->fd, server, e);
}

int
stream_accept_tls(struct stream *s, struct tls_server *server,
		  int64_t deadline_ms, struct err *e)
{
	struct err why;

	if (may_upgrade(s, deadline_ms, e) != 0)
		return -1;
	if (s->prepared == NULL && stream_prepare_tls(s, server, &why) != 0)
		return stream_die(s, &why, e);
	s->tls = s->prepared;
	s->prepared = NULL;
	return shake_hands(s, deadline_ms, e);
}

int
stream_connect_tls(struct stream *s, struct tls_client *client,
		   const struct tls_peer *peer, int64_t deadline_ms,
		   struct err *e)
{
	struct err why;

	if (may_upgrade(s, deadline_ms, e) != 0)
		return -1;
	if (tls_session_new_client(&s->tls, s->fd, client, peer, &why) != 0)
		return stream_die(s, &why, e);
	return shake_hands(s, deadline_ms, e);
}

const struct tls_info *
stream_tls(const struct stream *s)
{
	return s->tls == NULL ? NULL : tls_session_info(s->tls);
}

int
stream_tls_binding(struct stream *s, uint8_t out[32])
{
	return s->tls == NULL || s->dead ? -1
					 : tls_session_binding(s->tls, out);
}
