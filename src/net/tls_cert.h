#ifndef PP_NET_TLS_CERT_H
#define PP_NET_TLS_CERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

/*
 * X.509 certificates as files hold them (RFC 5280, PEM of RFC 7468): made for a
 * lab, shown, and checked.  What is said in a connection is net/tls.  Pure: no
 * file and no socket is touched but the system's list of authorities.  Thread:
 * any.
 */
enum {
	TLS_CERT_NAMES_MAX = 100,      /* in one certificate */
	TLS_CERT_CHAIN_MAX = 100,      /* certificates in one file */
	TLS_CERT_PEM_MAX = 256 * 1024, /* bytes of a file */
};

enum tls_cert_use {
	TLS_CERT_CA,   /* signs the others, and nothing below them */
	TLS_CERT_HOST, /* a server: DNS names and IP addresses */
	TLS_CERT_USER, /* a client: one mail address, for SASL EXTERNAL */
};

struct tls_cert_request {
	enum tls_cert_use use;
	const char *common_name; /* UTF-8; left out when over 64 bytes */
	/* HOST: ASCII; what inet_pton takes is an address, all else a DNS name.
	 * USER: one ASCII mail address.  CA: none. */
	const char *const *names;
	size_t n_names;
	int64_t not_before, not_after; /* seconds since 1970 */
	struct span ca_cert, ca_key;   /* PEM: who signs; not for a CA */
	struct span old, key;          /* PEM: what is renewed, its key */
};

/*
 * tls_cert_make - a new EC P-256 key and a certificate for it, as PEM into
 * *cert and *key (appended; their caps at least 8 KiB; the key is the
 * caller's to wipe).  -1: PERM when the authority's files cannot be used or are
 * none, TEMP else.
 */
int tls_cert_make(const struct tls_cert_request *r, struct buf *cert,
		  struct buf *key, struct err *e);

/*
 * tls_cert_renew - r->old again, with another serial number and other dates:
 * names, use and key stay, and with the key all pins and TLSA records.  Of *r
 * the use, the dates, the authority, old and key count.  -1: PERM when they do
 * not belong together.
 */
int tls_cert_renew(const struct tls_cert_request *r, struct buf *cert,
		   struct err *e);

/* What a certificate says.  Control characters in it are '?'. */
struct tls_cert_info {
	char subject[256], issuer[256]; /* "CN=localhost" (RFC 4514) */
	char serial[64];                /* hexadecimal */
	const char *const *names;       /* DNS, IP addresses, mail addresses */
	size_t n_names;
	int64_t not_before, not_after;
	bool is_ca, for_server, for_client;
	char key[64];    /* "EC P-256", "RSA 2048" */
	char sha256[96]; /* of the certificate: "AB:CD:..." */
	char pin[64];  /* of the public key: "sha256//BASE64" (RFC 7469 2.4) */
	char tlsa[80]; /* "3 1 1 HEX" (RFC 6698 2.1, RFC 7671 5.1) */
};

/*
 * tls_cert_read - see(ctx, info) for each certificate in `pem`; info lives
 * until see returns.  The number of them, or -1: PERM (none, or damaged), LIMIT
 * (more than the bounds above).
 */
typedef void tls_cert_see_fn(void *ctx, const struct tls_cert_info *info);
int tls_cert_read(struct span pem, tls_cert_see_fn *see, void *ctx,
		  struct err *e);

/*
 * tls_cert_check - would a peer who trusts only the authorities in `ca` (empty:
 * those of the system) take the first certificate of `pem`, the others filling
 * the way to the authority, at time `now`?  Its use is what it says itself.
 * key: PEM of its private key, or empty.  0, or -1 (PERM) with the reason.
 */
int tls_cert_check(struct span pem, struct span ca, struct span key,
		   int64_t now, struct err *e);

#endif
