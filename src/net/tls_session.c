#include "net/tls_session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/tls_private.h"

/*
 * OpenSSL's rules, kept here so that no caller needs to know them:
 * - its error queue is the thread's, and a stale entry turns "try again" into
 *   a failure: it is emptied before each call;
 * - after SSL_ERROR_SSL or SSL_ERROR_SYSCALL nothing but SSL_free may follow;
 * - an end of input without close_notify is a failure, as it may be an
 *   attacker's (RFC 8446 6.1).
 */

static int
session_new(struct tls_session **out, int fd, struct tls_content *content,
	    struct err *e)
{
	BIO *socket = NULL;

	if (content == NULL)
		return err_set(e, ERR_TEMP, 0, "there is no certificate");
	struct tls_session *t = calloc(1, sizeof(*t));
	if (t == NULL) {
		tls_content_drop(&content);
		return err_set(e, ERR_TEMP, ENOMEM, "TLS");
	}
	t->content = content;
	t->fd = fd;
	ERR_clear_error();
	t->ssl = SSL_new(content->ctx);
	if (t->ssl != NULL)
		socket = BIO_new(content->socket);
	if (socket == NULL) {
		tls_session_free(&t);
		return tls_openssl_error(e, ERR_TEMP, "TLS");
	}
	BIO_set_data(socket, t);
	BIO_set_init(socket, 1);
	SSL_set_bio(t->ssl, socket, socket);
	*out = t;
	return 0;
}

int
tls_session_new_server(struct tls_session **t, int fd,
		       struct tls_server *server, struct err *e)
{
	if (session_new(t, fd, tls_server_content(server), e) != 0)
		return -1;
	(*t)->server = true;
	SSL_set_accept_state((*t)->ssl);
	return 0;
}

int
tls_session_new_client(struct tls_session **t, int fd,
		       struct tls_client *client, const struct tls_peer *peer,
		       struct err *e)
{
	if (session_new(t, fd, tls_client_content(client), e) != 0)
		return -1;
	(*t)->peer = peer;
	SSL_set_connect_state((*t)->ssl);
	if (tls_verify_prepare(*t, e) != 0) {
		tls_session_free(t);
		return -1;
	}
	return 0;
}

void
tls_session_free(struct tls_session **out)
{
	struct tls_session *t = *out;

	if (t == NULL)
		return;
	SSL_free(t->ssl);
	ERR_clear_error();
	tls_info_clear(&t->info);
	tls_content_drop(&t->content);
	free(t);
	*out = NULL;
}

static enum tls_result
broken(struct tls_session *t, enum err_class class, const char *what,
       struct err *e)
{
	t->broken = true;
	if (ERR_peek_error() != 0)
		(void)tls_openssl_error(e, class, what);
	else
		(void)err_set(e, class, 0, "%s", what);
	return TLS_BROKEN;
}

/* What a call that did not succeed means. */
static enum tls_result
outcome(struct tls_session *t, int rc, enum err_class class, struct err *e)
{
	int sys = errno;

	switch (SSL_get_error(t->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		return TLS_WANT_READ;
	case SSL_ERROR_WANT_WRITE:
		return TLS_WANT_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		return TLS_END;
	case SSL_ERROR_SYSCALL:
		t->broken = true;
		ERR_clear_error();
		if (sys == ECONNRESET || sys == EPIPE || sys == ENOTCONN)
			sys = 0;
		(void)err_set(e, ERR_CLOSED, sys,
			      "connection closed by the peer");
		return TLS_BROKEN;
	default:
		break;
	}
	if (t->eof) {
		ERR_clear_error();
		return broken(t, ERR_CLOSED,
			      "connection closed by the peer in the middle of"
			      " TLS",
			      e);
	}
	return broken(t, class, "TLS", e);
}

/* The handshake is done: who is it? */
static enum tls_result
look_at_peer(struct tls_session *t, struct err *e)
{
	X509 *leaf = SSL_get0_peer_certificate(t->ssl);

	if (tls_info_fill(t, leaf, e) != 0) {
		t->broken = true;
		return TLS_BROKEN;
	}
	tls_verify_judge(t, leaf);
	t->looked = true;
	if (t->server || t->info.verified || t->peer->check == TLS_CHECK_NONE ||
	    t->info.fault == TLS_FAULT_TLSA_UNUSABLE) {
		t->peer = NULL;
		return TLS_DONE;
	}
	t->peer = NULL;
	tls_session_close(t);
	return broken(t, ERR_TEMP, t->info.why_not, e);
}

enum tls_result
tls_session_handshake(struct tls_session *t, struct err *e)
{
	ERR_clear_error();
	errno = 0;
	int rc = SSL_do_handshake(t->ssl);
	if (rc == 1)
		return look_at_peer(t, e);
	enum tls_result r = outcome(t, rc, ERR_PROTO, e);
	if (r == TLS_END)
		return broken(t, ERR_CLOSED, "connection closed by the peer",
			      e);
	return r;
}

enum tls_result
tls_session_read(struct tls_session *t, void *p, size_t n, size_t *got,
		 struct err *e)
{
	ERR_clear_error();
	errno = 0;
	int rc = SSL_read_ex(t->ssl, p, n, got);
	return rc == 1 ? TLS_DONE : outcome(t, rc, ERR_CLOSED, e);
}

enum tls_result
tls_session_write(struct tls_session *t, const void *p, size_t n, size_t *put,
		  struct err *e)
{
	ERR_clear_error();
	errno = 0;
	int rc = SSL_write_ex(t->ssl, p, n, put);
	return rc == 1 ? TLS_DONE : outcome(t, rc, ERR_CLOSED, e);
}

void
tls_session_close(struct tls_session *t)
{
	if (t->broken || !t->looked)
		return;
	ERR_clear_error();
	(void)SSL_shutdown(t->ssl);
	ERR_clear_error();
}

const struct tls_info *
tls_session_info(const struct tls_session *t)
{
	return t->looked ? &t->info : NULL;
}

int
tls_session_binding(struct tls_session *t, uint8_t out[32])
{
	static const char label[] = "EXPORTER-Channel-Binding";

	/* RFC 9266 4.2: without the extended master secret, two connections of
	 * TLS 1.2 can be made to share what would be exported. */
	if (!t->looked || (SSL_version(t->ssl) != TLS1_3_VERSION &&
			   SSL_get_extms_support(t->ssl) != 1))
		return -1;
	ERR_clear_error();
	int rc = SSL_export_keying_material(t->ssl, out, 32, label,
					    sizeof(label) - 1,
					    (const unsigned char *)"", 0, 1);
	ERR_clear_error();
	return rc == 1 ? 0 : -1;
}
