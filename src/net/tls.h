#ifndef PP_NET_TLS_H
#define PP_NET_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"
#include "base/span.h"

/*
 * TLS for streams (net/stream.h has the calls that upgrade one): what a server
 * shows, what a client demands, and what is known once the handshake is done.
 * OpenSSL is behind net/tls_private.h and nowhere else.
 *
 * TLS 1.2 and 1.3 only (RFC 8996, RFC 9325), forward secrecy always, no
 * compression, no renegotiation, no early data.
 */

enum tls_minimum { TLS_MINIMUM_1_2, TLS_MINIMUM_1_3 };

/* ---- server ---------------------------------------------------------------
 */

/*
 * One certificate with its chain (leaf first) and its private key, PEM.
 * A client that names a server (SNI) gets the pairs whose `name` is that name
 * or whose certificate is for it; one of each key type, so that an RSA and an
 * ECDSA pair may stand side by side.  Otherwise it gets the first of the list.
 */
struct tls_certificate {
	const char *name; /* NULL: only the names in the certificate count */
	const char *certificate_file;
	const char *key_file;
};

struct tls_server_options {
	const char *service; /* "smtp": tickets are bound to it; lives on */
	/* Names of the protocol for ALPN (RFC 7301), blank separated, e.g.
	 * "pop3"; a client that offers only others is turned away with
	 * no_application_protocol, so that a session of one service cannot be
	 * carried to another.  NULL: offers are ignored. */
	const char *alpn;
	/* The first is the default; without any, tls_server_ready is false. */
	const struct tls_certificate *certificates;
	size_t n_certificates;
	/* Ask clients for a certificate of one of these issuers; NULL: do not
	 * ask.  A client without one, or with another, is still served:
	 * tls_info.verified tells. */
	const char *client_ca_file;
	enum tls_minimum minimum;
	bool dates_unwatched; /* log nothing about certificates that end */
};

/*
 * struct tls_server - what one service shows to its clients.  Thread: any.
 * tls_server_new: 0, or -1 (PERM) with "file: reason".
 * tls_server_reload: takes over new options as a whole, or keeps the old and
 * returns -1; sessions under way keep what they began with.  Tickets given out
 * before are not taken any more.
 * tls_server_free: sessions may outlive it.
 */
struct tls_server;
int tls_server_new(struct tls_server **s, const struct tls_server_options *o,
		   struct err *e);
int tls_server_reload(struct tls_server *s, const struct tls_server_options *o,
		      struct err *e);
void tls_server_free(struct tls_server **s);

/* tls_server_ready - is there a certificate to show (now)?  NULL: no. */
bool tls_server_ready(struct tls_server *s);

/*
 * tls_server_expiry - the certificate that expires first: its file into
 * file[size], the seconds until then (negative: it is over) returned; INT64_MAX
 * without one.  A log line warns of it TLS_EXPIRY_WARNING_DAYS ahead: when the
 * certificate is loaded, and once a day as long as clients come.
 */
enum { TLS_EXPIRY_WARNING_DAYS = 14 };
int64_t tls_server_expiry(struct tls_server *s, char *file, size_t size);

/* ---- client ---------------------------------------------------------------
 */

struct tls_client_options {
	/* Whom to trust: a file of certificates, a directory of them as
	 * c_rehash makes it, or both; when both are NULL, the system's. */
	const char *ca_file;
	const char *ca_dir;
	enum tls_minimum minimum;
	/* Shown to servers that ask (SASL EXTERNAL); NULL: none. */
	const char *certificate_file;
	const char *key_file;
};

/* struct tls_client - shared by connections.  Thread: any.  Sessions may
 * outlive it.  tls_client_new: 0, or -1 (PERM) with "file: reason". */
struct tls_client;
int tls_client_new(struct tls_client **c, const struct tls_client_options *o,
		   struct err *e);
void tls_client_free(struct tls_client **c);

enum { TLS_PIN_BYTES = 32 };

enum tls_check {
	TLS_CHECK_NONE, /* encrypt to whoever is there; look, do not judge */
	TLS_CHECK_NAME, /* a trusted issuer and one of `names` (RFC 9525) */
	TLS_CHECK_DANE, /* one of `tlsa` matches (RFC 7672) */
	TLS_CHECK_PIN,  /* the key is `pin`; issuer, name, dates do not count */
};

/* One TLSA record (RFC 6698 2.1). */
struct tls_tlsa {
	uint8_t usage, selector, matching;
	struct span data;
};

/* What one connection demands.  All of it is borrowed for the call. */
struct tls_peer {
	enum tls_check check;
	const char *sni; /* name to ask for; NULL: none (also for addresses) */
	/* Reference identifiers: A-label host names or addresses; any of them
	 * will do.  With DANE they count for usage DANE-TA(2). */
	const char *const *names;
	size_t n_names;
	/* Records of usage 0 and 1 and such as cannot be read are left out
	 * (RFC 7672 3.1.3); when none is left, the connection is encrypted,
	 * not verified, and fault is TLS_FAULT_TLSA_UNUSABLE (2.2). */
	const struct tls_tlsa *tlsa;
	size_t n_tlsa;
	const uint8_t *pin; /* TLS_PIN_BYTES: SHA-256 of the public key info */
	const char *alpn;   /* names to offer, blank separated; NULL: none */
};

/* ---- what came of it ------------------------------------------------------
 */

enum tls_fault {
	TLS_FAULT_NONE,
	TLS_FAULT_NO_CERTIFICATE,
	TLS_FAULT_EXPIRED,
	TLS_FAULT_NOT_YET_VALID,
	TLS_FAULT_WRONG_NAME,
	TLS_FAULT_SELF_SIGNED,
	TLS_FAULT_UNKNOWN_ISSUER,
	TLS_FAULT_PIN,
	TLS_FAULT_TLSA,
	TLS_FAULT_TLSA_UNUSABLE,
	TLS_FAULT_OTHER,
};

/* tls_fault_text - "the certificate has expired". */
const char *tls_fault_text(enum tls_fault fault);

/* Texts are "" when there is nothing to tell; what the peer chose is printable
 * (other bytes are escaped) but not to be believed unless verified. */
struct tls_info {
	const char *version; /* "TLSv1.3" */
	const char *cipher;  /* "TLS_AES_256_GCM_SHA384"; OpenSSL's name */
	const char *suite;   /* the same as IANA has it registered */
	int bits;
	bool resumed;
	/* The peer's certificate is what tls_peer.check asked for; with
	 * TLS_CHECK_NONE, what TLS_CHECK_NAME would ask.  Of a client: its
	 * chain ends at one of client_ca_file. */
	bool verified;
	enum tls_fault fault; /* why not */
	const char *why_not;  /* tls_fault_text(fault), or OpenSSL's words */
	const char *subject;  /* "CN=bob,O=..." (RFC 2253) */
	const char *issuer;
	const char *email; /* first rfc822Name of the peer's certificate */
	const char *dns;   /* first dNSName */
	int64_t expires;   /* seconds since 1970; 0 without a certificate */
	bool has_pin;
	uint8_t pin[TLS_PIN_BYTES];
	const char *sni;  /* server: the name the client asked for */
	const char *alpn; /* agreed upon */
};

/* tls_log - add "tls=TLSv1.3 cipher=..." to a log line; tls_log_peer also what
 * is known of the other side.  t == NULL: nothing is added. */
void tls_log(struct log_line *l, const struct tls_info *t);
void tls_log_peer(struct log_line *l, const struct tls_info *t);

#endif
