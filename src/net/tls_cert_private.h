#ifndef PP_NET_TLS_CERT_PRIVATE_H
#define PP_NET_TLS_CERT_PRIVATE_H

#include <openssl/x509.h>

#include "net/tls_cert.h"

/* Shared by tls_cert.c (making) and tls_cert_read.c (showing, checking). */

/* tls_cert_failed - `what` and the library's last reason, which is cleared. */
int tls_cert_failed(struct err *e, enum err_class class, const char *what);

/* The private key in `pem`; NULL with *e PERM. */
EVP_PKEY *tls_cert_key_of(struct span pem, struct err *e);

#endif
