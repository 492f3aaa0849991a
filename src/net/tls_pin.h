#ifndef PP_NET_TLS_PIN_H
#define PP_NET_TLS_PIN_H

#include "base/span.h"
#include "net/tls.h"

/* A pin as people copy it: "sha256//" and the base64 of the digest (RFC 7469
 * 2.4; curl writes it so).  Thread: any. */
enum { TLS_PIN_TEXT_SIZE = 53 };

void tls_pin_text(const uint8_t pin[TLS_PIN_BYTES],
		  char text[TLS_PIN_TEXT_SIZE]);

/* tls_pin_parse - 0, or -1 when that is no pin. */
int tls_pin_parse(struct span text, uint8_t pin[TLS_PIN_BYTES]);

#endif
