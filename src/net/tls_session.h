#ifndef PP_NET_TLS_SESSION_H
#define PP_NET_TLS_SESSION_H

#include "net/tls.h"

/*
 * struct tls_session - TLS on one non-blocking socket, for net/stream: every
 * call does what can be done now and says what it waits for.
 * Thread: one at a time.
 */
struct tls_session;

enum tls_result {
	TLS_DONE,
	TLS_WANT_READ,  /* call again when the socket is readable */
	TLS_WANT_WRITE, /* ... writable */
	TLS_END,        /* the peer said that nothing follows (close_notify) */
	TLS_BROKEN,     /* *e is set; the session can only be freed */
};

int tls_session_new_server(struct tls_session **t, int fd,
			   struct tls_server *server, struct err *e);
/* peer is borrowed until the handshake is done. */
int tls_session_new_client(struct tls_session **t, int fd,
			   struct tls_client *client,
			   const struct tls_peer *peer, struct err *e);
void tls_session_free(struct tls_session **t);

/*
 * tls_session_handshake - one step.  BROKEN: PROTO when the peer refused or
 * does not speak TLS, CLOSED when it went away, TEMP when its certificate is
 * not what tls_peer demands (tls_session_info then says why).
 */
enum tls_result tls_session_handshake(struct tls_session *t, struct err *e);

/* BROKEN is CLOSED; a write that is repeated has the same bytes in front. */
enum tls_result tls_session_read(struct tls_session *t, void *p, size_t n,
				 size_t *got, struct err *e);
enum tls_result tls_session_write(struct tls_session *t, const void *p,
				  size_t n, size_t *put, struct err *e);

/* tls_session_close - say that nothing follows, as far as possible now. */
void tls_session_close(struct tls_session *t);

/* tls_session_info - NULL before the peer's certificate was looked at. */
const struct tls_info *tls_session_info(const struct tls_session *t);

/* tls_session_binding - "tls-exporter" (RFC 9266): 0, or -1 when there is none
 * (TLS 1.2 without RFC 7627). */
int tls_session_binding(struct tls_session *t, uint8_t out[32]);

#endif
