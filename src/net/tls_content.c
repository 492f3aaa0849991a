#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/tls_private.h"

enum { FILE_MAX = 1024 * 1024, CHAIN_MAX = 16 };

/* RFC 9325 4.1, 4.2: forward secrecy by elliptic curves, for finite fields let
 * a peer make us work hard for nothing; an AEAD, and CBC suites last, for peers
 * that would otherwise speak in clear text.  TLS 1.3 has its own list. */
static const char ciphers[] =
    "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:!aNULL:!eNULL";

int
tls_openssl_error(struct err *e, enum err_class class, const char *what)
{
	unsigned long code = ERR_get_error();
	const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);

	ERR_clear_error();
	return err_set(e, class, 0, "%s: %s", what,
		       reason != NULL ? reason : "unknown TLS failure");
}

/* ---- the socket, as OpenSSL sees it ---------------------------------------
 *
 * OpenSSL's own socket BIO writes with write(2), and a peer that is gone would
 * raise SIGPIPE in a program that did not ask for it to be ignored.
 */

static int
socket_write(BIO *b, const char *p, int n)
{
	struct tls_session *t = BIO_get_data(b);
	ssize_t put;

	BIO_clear_retry_flags(b);
	do
		put = send(t->fd, p, (size_t)n, MSG_NOSIGNAL);
	while (put < 0 && errno == EINTR);
	if (put < 0 && errno == EAGAIN)
		BIO_set_retry_write(b);
	return (int)put;
}

static int
socket_read(BIO *b, char *p, int n)
{
	struct tls_session *t = BIO_get_data(b);
	ssize_t got;

	BIO_clear_retry_flags(b);
	do
		got = recv(t->fd, p, (size_t)n, 0);
	while (got < 0 && errno == EINTR);
	if (got < 0 && errno == EAGAIN)
		BIO_set_retry_read(b);
	if (got == 0)
		t->eof = true;
	return (int)got;
}

static long
socket_ctrl(BIO *b, int command, long number, void *pointer)
{
	const struct tls_session *t = BIO_get_data(b);

	(void)number;
	(void)pointer;
	if (command == BIO_CTRL_EOF)
		return t->eof;
	return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *
socket_method(void)
{
	BIO_METHOD *m =
	    BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "stream");

	if (m == NULL || BIO_meth_set_write(m, socket_write) != 1 ||
	    BIO_meth_set_read(m, socket_read) != 1 ||
	    BIO_meth_set_ctrl(m, socket_ctrl) != 1) {
		BIO_meth_free(m);
		return NULL;
	}
	return m;
}

/* ---- content --------------------------------------------------------------
 */

int
tls_content_new(struct tls_content **out, bool server, enum tls_minimum minimum,
		struct err *e)
{
	/* Sessions may still run when the process exits: OpenSSL's own clean-up
	 * would pull the ground from under them. */
	(void)OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT, NULL);

	struct tls_content *c = calloc(1, sizeof(*c));
	if (c == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "TLS");
	atomic_init(&c->holders, 1);
	(void)pthread_mutex_init(&c->tickets.lock, NULL);
	c->socket = socket_method();
	c->ctx =
	    SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
	if (c->socket == NULL || c->ctx == NULL ||
	    SSL_CTX_set_min_proto_version(c->ctx, minimum == TLS_MINIMUM_1_3
						      ? TLS1_3_VERSION
						      : TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_cipher_list(c->ctx, ciphers) != 1) {
		(void)tls_openssl_error(e, ERR_TEMP, "TLS");
		tls_content_drop(&c);
		return -1;
	}
	(void)SSL_CTX_set_options(c->ctx, SSL_OP_NO_RENEGOTIATION |
					      SSL_OP_NO_COMPRESSION |
					      SSL_OP_CIPHER_SERVER_PREFERENCE |
					      SSL_OP_PRIORITIZE_CHACHA);
	/* An idle session gives back its record buffers; what stream_flush
	 * keeps for a second try may have moved and grown. */
	(void)SSL_CTX_set_mode(c->ctx, SSL_MODE_RELEASE_BUFFERS |
					   SSL_MODE_ENABLE_PARTIAL_WRITE |
					   SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	/* After a record that holds no data (a ticket, a new key) we are asked
	 * again, so that a flood of them meets the deadline; what follows is
	 * still in the socket, as nothing is read ahead. */
	(void)SSL_CTX_clear_mode(c->ctx, SSL_MODE_AUTO_RETRY);
	(void)SSL_CTX_set_session_cache_mode(c->ctx, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_app_data(c->ctx, c);
	*out = c;
	return 0;
}

struct tls_content *
tls_content_hold(struct tls_content *c)
{
	(void)atomic_fetch_add(&c->holders, 1);
	return c;
}

void
tls_content_drop(struct tls_content **out)
{
	struct tls_content *c = *out;

	*out = NULL;
	if (c == NULL || atomic_fetch_sub(&c->holders, 1) != 1)
		return;
	for (size_t i = 0; i < c->n_pairs; i++) {
		free(c->pairs[i].name);
		free(c->pairs[i].file);
		X509_free(c->pairs[i].leaf);
		sk_X509_pop_free(c->pairs[i].chain, X509_free);
		EVP_PKEY_free(c->pairs[i].key);
	}
	free(c->pairs);
	free(c->alpn);
	SSL_CTX_free(c->ctx);
	BIO_meth_free(c->socket);
	tls_tickets_clear(&c->tickets);
	(void)pthread_mutex_destroy(&c->tickets.lock);
	free(c);
}

/* ---- files ----------------------------------------------------------------
 */

/* The whole file as a BIO over *text, which the caller frees after it. */
static BIO *
open_pem(const char *file, char **text, struct err *e)
{
	struct stat st;
	BIO *b = NULL;
	size_t have = 0;

	*text = NULL;
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) != 0) {
		(void)err_set(e, ERR_PERM, errno, "%s", file);
		goto out;
	}
	if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX) {
		(void)err_set(e, ERR_PERM, 0, "%s: not a PEM file", file);
		goto out;
	}
	size_t size = (size_t)st.st_size;
	*text = malloc(size + 1);
	while (*text != NULL && have < size) {
		ssize_t got = read(fd, *text + have, size - have);
		if (got <= 0)
			break;
		have += (size_t)got;
	}
	if (*text != NULL)
		(*text)[have] = '\0';
	b = *text == NULL ? NULL : BIO_new_mem_buf(*text, (int)have);
	if (b == NULL)
		(void)err_set(e, ERR_TEMP, ENOMEM, "%s", file);
out:
	if (fd >= 0)
		(void)close(fd);
	return b;
}

static void
close_pem(BIO *b, char *text)
{
	BIO_free(b);
	free(text);
	ERR_clear_error();
}

/* A server has nobody to ask for a passphrase. */
static int
no_passphrase(char *p, int n, int writing, void *arg)
{
	(void)p;
	(void)n;
	(void)writing;
	(void)arg;
	return -1;
}

static int
read_chain(struct tls_pair *p, struct err *e)
{
	char *text;
	int rc = -1;

	BIO *b = open_pem(p->file, &text, e);
	if (b == NULL)
		goto out;
	p->leaf = PEM_read_bio_X509(b, NULL, no_passphrase, NULL);
	p->chain = sk_X509_new_null();
	if (p->leaf == NULL || p->chain == NULL) {
		(void)err_set(e, ERR_PERM, 0, "%s: no certificate in it",
			      p->file);
		goto out;
	}
	for (int i = 0; i < CHAIN_MAX; i++) {
		X509 *next = PEM_read_bio_X509(b, NULL, no_passphrase, NULL);
		if (next == NULL)
			break;
		if (sk_X509_push(p->chain, next) == 0) {
			X509_free(next);
			(void)err_set(e, ERR_TEMP, ENOMEM, "%s", p->file);
			goto out;
		}
	}
	rc = 0;
out:
	close_pem(b, text);
	return rc;
}

static int
read_key(struct tls_pair *p, const char *file, struct err *e)
{
	char *text;
	int rc = -1;

	BIO *b = open_pem(file, &text, e);
	if (b == NULL)
		goto out;
	p->key = PEM_read_bio_PrivateKey(b, NULL, no_passphrase, NULL);
	if (p->key == NULL)
		(void)err_set(e, ERR_PERM, 0,
			      "%s: no private key in it, or one with a"
			      " passphrase",
			      file);
	else if (X509_check_private_key(p->leaf, p->key) != 1)
		(void)err_set(e, ERR_PERM, 0, "%s: not the key of %s", file,
			      p->file);
	else
		rc = 0;
out:
	if (text != NULL && b != NULL)
		OPENSSL_cleanse(text, strlen(text));
	close_pem(b, text);
	return rc;
}

int
tls_content_add_pair(struct tls_content *c, const struct tls_certificate *from,
		     struct err *e)
{
	struct tls_pair *grown =
	    realloc(c->pairs, (c->n_pairs + 1) * sizeof(*grown));

	if (grown == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "TLS");
	c->pairs = grown;
	struct tls_pair *p = &c->pairs[c->n_pairs++];
	*p = (struct tls_pair){ .file = strdup(from->certificate_file) };
	if (from->name != NULL)
		p->name = strdup(from->name);
	if (p->file == NULL || (from->name != NULL && p->name == NULL))
		return err_set(e, ERR_TEMP, ENOMEM, "TLS");
	if (read_chain(p, e) != 0 || read_key(p, from->key_file, e) != 0)
		return -1;
	/* what OpenSSL itself has against it (a key that is too short) is to be
	 * said now, and not to every client */
	if (SSL_CTX_use_cert_and_key(c->ctx, p->leaf, p->key, p->chain, 1) != 1)
		return tls_openssl_error(e, ERR_PERM, p->file);
	return 0;
}

int
tls_content_add_issuers(struct tls_content *c, const char *file, struct err *e)
{
	char *text;
	int n = 0, rc = -1;

	BIO *b = open_pem(file, &text, e);
	if (b == NULL)
		goto out;
	X509_STORE *store = SSL_CTX_get_cert_store(c->ctx);
	for (;;) {
		X509 *one = PEM_read_bio_X509(b, NULL, no_passphrase, NULL);
		if (one == NULL)
			break;
		int added = X509_STORE_add_cert(store, one);
		/* for a server: the names it asks for; no harm in a client */
		added = added == 1 && SSL_CTX_add_client_CA(c->ctx, one) == 1;
		X509_free(one);
		if (!added) {
			(void)tls_openssl_error(e, ERR_PERM, file);
			goto out;
		}
		n++;
	}
	if (n == 0)
		(void)err_set(e, ERR_PERM, 0, "%s: no certificate in it", file);
	else
		rc = 0;
out:
	close_pem(b, text);
	return rc;
}

int
tls_alpn_wire(const char *names, unsigned char **wire, size_t *n, struct err *e)
{
	struct span rest = span_of(names), word;

	*n = 0;
	*wire = malloc(rest.n + 2);
	if (*wire == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "TLS");
	while ((word = span_word(&rest)).n > 0) {
		if (word.n > 255) {
			free(*wire);
			*wire = NULL;
			return err_set(e, ERR_BUG, 0, "ALPN name too long");
		}
		(*wire)[(*n)++] = (unsigned char)word.n;
		memcpy(*wire + *n, word.p, word.n);
		*n += word.n;
	}
	return 0;
}
