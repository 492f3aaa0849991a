#ifndef PP_NET_TLS_SETTINGS_H
#define PP_NET_TLS_SETTINGS_H

#include <stddef.h>

#include "base/option.h"
#include "net/tls.h"

/*
 * The section [tls] of a server's configuration, and [certificates]: the same
 * in every server, as rows of its option table; `at` is the offset of this
 * struct in the program's.
 */
struct tls_settings {
	char *certificate; /* "": none */
	char *key;         /* "": in the same file */
	struct option_map certificates;
	char *client_ca; /* "": clients are not asked for a certificate */
	int minimum;     /* enum tls_minimum */
};

extern const char *const tls_settings_minima[]; /* as in enum tls_minimum */

/* clang-format off */
#define TLS_SETTINGS(at) \
	{ "tls", "certificate", OPTION_STRING, \
	  (at) + offsetof(struct tls_settings, certificate), "", 0, 0, NULL, \
	  "File with our certificate and those of its issuers, PEM; empty: no TLS." }, \
	{ "tls", "key", OPTION_STRING, (at) + offsetof(struct tls_settings, key), \
	  "", 0, 0, NULL, \
	  "File with its private key; empty: in the same file." }, \
	{ "tls", "minimum", OPTION_ENUM, \
	  (at) + offsetof(struct tls_settings, minimum), "1.2", 0, 0, \
	  tls_settings_minima, "Least version of TLS that is spoken." }, \
	{ "tls", "client-ca", OPTION_STRING, \
	  (at) + offsetof(struct tls_settings, client_ca), "", 0, 0, NULL, \
	  "File with issuers; clients are asked for a certificate of theirs," \
	  " and may have none.  Empty: they are not asked." }, \
	{ "certificates", NULL, OPTION_MAP, \
	  (at) + offsetof(struct tls_settings, certificates), "", 0, 0, NULL, \
	  "More certificates, for clients that ask for a host by name:" \
	  " name = file [key-file]." }
/* clang-format on */

/*
 * tls_settings_check - can all files be used?  `implicit`: somewhere TLS begins
 * with the first byte, which needs a certificate.
 * 0 or -1 (PERM) with "path: key: reason".
 */
int tls_settings_check(const char *path, const struct tls_settings *o,
		       bool implicit, struct err *e);

/*
 * tls_settings_server - *s is made for `service` with the protocol names `alpn`
 * (see struct tls_server_options), or reloaded when it is there.
 */
int tls_settings_server(struct tls_server **s, const struct tls_settings *o,
			const char *service, const char *alpn, struct err *e);

#endif
