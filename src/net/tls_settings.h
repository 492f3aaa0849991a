#ifndef PP_NET_TLS_SETTINGS_H
#define PP_NET_TLS_SETTINGS_H

#include "base/option.h"
#include "net/tls.h"

/*
 * The section [tls] of a server's configuration, and [certificates]: the same
 * in every server, as rows of its option table over a member of its struct.
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
#define TLS_SETTINGS(type, member) \
	{ "tls", "certificate", OPTION_STRING, offsetof(type, member.certificate), \
	  "", 0, 0, NULL, \
	  "File with our certificate and those of its issuers, PEM; empty: no TLS." }, \
	{ "tls", "key", OPTION_STRING, offsetof(type, member.key), "", 0, 0, NULL, \
	  "File with its private key; empty: in the same file." }, \
	{ "tls", "minimum", OPTION_ENUM, offsetof(type, member.minimum), "1.2", 0, 0, \
	  tls_settings_minima, "Least version of TLS that is spoken." }, \
	{ "tls", "client-ca", OPTION_STRING, offsetof(type, member.client_ca), "", 0, \
	  0, NULL, \
	  "File with issuers; clients are asked for a certificate of theirs," \
	  " and may have none.  Empty: they are not asked." }, \
	{ "certificates", NULL, OPTION_MAP, offsetof(type, member.certificates), "", \
	  0, 0, NULL, \
	  "More certificates, for clients that ask for a host by name:" \
	  " name = file [key-file]." }
/* clang-format on */

/*
 * tls_settings_check - can all files be used?  `implicit`: addresses that are
 * listened on with TLS from the first byte, which need a certificate.
 * 0 or -1 (PERM) with "path: key: reason".
 */
int tls_settings_check(const char *path, const struct tls_settings *o,
		       const struct option_list *implicit, struct err *e);

/*
 * tls_settings_server - *s is made for `service` with the protocol names `alpn`
 * (see struct tls_server_options), or reloaded when it is there.
 */
int tls_settings_server(struct tls_server **s, const struct tls_settings *o,
			const char *service, const char *alpn, struct err *e);

#endif
