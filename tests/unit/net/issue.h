#ifndef PP_TESTS_UNIT_NET_ISSUE_H
#define PP_TESTS_UNIT_NET_ISSUE_H

#include <stddef.h>
#include <stdint.h>

#include "net/tls.h"

/*
 * issue - make dir/stem.crt and dir/stem.key: a certificate for tests, with an
 * ECDSA key.  Any failure ends the test.
 */
struct issue {
	const char *common_name;
	const char *names;  /* "DNS:a.example,IP:127.0.0.1,email:a@b" or NULL */
	const char *issuer; /* stem of the one that signs; NULL: itself */
	int is_issuer;
	int from_days, to_days; /* from now; 0, 0: valid now */
};
void issue(const char *dir, const char *stem, const struct issue *o);

/* issue_server - a server that shows a certificate made for the occasion, for
 * mx.test. */
struct tls_server *issue_server(const char *service);

/* issue_append - dir/stem.crt also shows its issuer. */
void issue_append(const char *dir, const char *stem, const char *issuer);

/* issue_digest - SHA-256 of the subject public key info of dir/stem.crt; with
 * whole != 0, of the whole certificate. */
void issue_digest(const char *dir, const char *stem, int whole,
		  uint8_t out[32]);

#endif
