#ifndef PP_NET_TLS_PRIVATE_H
#define PP_NET_TLS_PRIVATE_H

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdatomic.h>

#include "net/tls_session.h"

/* The one place of OpenSSL's headers. */

/* A certificate with what belongs to it, in memory. */
struct tls_pair {
	char *name; /* may be NULL */
	char *file;
	X509 *leaf;
	STACK_OF(X509) * chain;
	EVP_PKEY *key;
};

enum { TLS_TICKET_NAME_BYTES = 16, TLS_TICKET_KEY_BYTES = 32 };
struct tls_ticket_key {
	int64_t born_ms; /* clock_mono_ms() */
	unsigned char name[TLS_TICKET_NAME_BYTES];
	unsigned char cipher[TLS_TICKET_KEY_BYTES];
	unsigned char mac[TLS_TICKET_KEY_BYTES];
};
/* The one that seals now, and the one before. */
struct tls_tickets {
	pthread_mutex_t lock; /* guards the rest */
	struct tls_ticket_key now, before;
};

/*
 * struct tls_content - everything a server or client showed at one time.
 * It is replaced, never changed (but for the tickets); each session holds the
 * one it began with.
 */
struct tls_content {
	atomic_int holders;
	SSL_CTX *ctx;
	BIO_METHOD *socket;
	struct tls_pair *pairs;
	size_t n_pairs;
	unsigned char *alpn; /* as on the wire */
	size_t alpn_n;
	struct tls_tickets tickets;
};

int tls_content_new(struct tls_content **c, bool server,
		    enum tls_minimum minimum, struct err *e);
struct tls_content *tls_content_hold(struct tls_content *c);
void tls_content_drop(struct tls_content **c);

/* tls_content_add_pair - read and check both files: 0 or -1 (PERM). */
int tls_content_add_pair(struct tls_content *c, const struct tls_certificate *p,
			 struct err *e);
/* tls_content_add_issuers - the certificates in `file` are trusted. */
int tls_content_add_issuers(struct tls_content *c, const char *file,
			    struct err *e);

/* tls_alpn_wire - "a b" as the list of RFC 7301 3.1, malloc'ed. */
int tls_alpn_wire(const char *names, unsigned char **wire, size_t *n,
		  struct err *e);

/* tls_openssl_error - what OpenSSL's queue says first; it is emptied. */
int tls_openssl_error(struct err *e, enum err_class class, const char *what);

/* tls_tickets_use - ctx seals its tickets with keys of its own. */
void tls_tickets_use(struct tls_content *c);
void tls_tickets_clear(struct tls_tickets *t);

struct tls_content *tls_server_content(struct tls_server *s);
struct tls_content *tls_client_content(struct tls_client *c);

/* ---- one session */

struct tls_session {
	struct tls_content *content;
	SSL *ssl;
	int fd;
	bool eof;    /* the socket's, seen by the BIO */
	bool broken; /* no call but SSL_free is allowed */
	bool looked; /* info is filled in */
	bool server;
	size_t n_usable;             /* TLSA records taken */
	const struct tls_peer *peer; /* until the handshake is done */
	struct tls_info info;
};

/* tls_verify_prepare - set the session up for peer->check. */
int tls_verify_prepare(struct tls_session *t, struct err *e);
/* tls_verify_judge - set verified, fault and why_not. */
void tls_verify_judge(struct tls_session *t, X509 *leaf);

/* tls_info_fill - everything else about the peer; 0 or -1 (TEMP). */
int tls_info_fill(struct tls_session *t, X509 *leaf, struct err *e);
void tls_info_clear(struct tls_info *i);

#endif
