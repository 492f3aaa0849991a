#include "net/tls_pin.h"

#include <openssl/evp.h>
#include <string.h>

static const char head[] = "sha256//";
enum { HEAD = sizeof(head) - 1, DIGITS = 44 };

void
tls_pin_text(const uint8_t pin[TLS_PIN_BYTES], char text[TLS_PIN_TEXT_SIZE])
{
	unsigned char digits[DIGITS + 1];

	(void)EVP_EncodeBlock(digits, pin, TLS_PIN_BYTES);
	memcpy(text, head, HEAD);
	memcpy(text + HEAD, digits, DIGITS + 1);
}

int
tls_pin_parse(struct span text, uint8_t pin[TLS_PIN_BYTES])
{
	unsigned char bytes[DIGITS / 4 * 3];
	char again[TLS_PIN_TEXT_SIZE];

	if (text.n != HEAD + DIGITS || memcmp(text.p, head, HEAD) != 0 ||
	    EVP_DecodeBlock(bytes, (const unsigned char *)text.p + HEAD,
			    DIGITS) != (int)sizeof(bytes))
		return -1;
	/* Padding and spare bits are nobody's choice: one key, one text. */
	tls_pin_text(bytes, again);
	if (memcmp(again, text.p, text.n) != 0)
		return -1;
	memcpy(pin, bytes, TLS_PIN_BYTES);
	return 0;
}
