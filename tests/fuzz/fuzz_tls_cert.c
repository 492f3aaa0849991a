/* The input is a file of certificates, PEM, or the bytes of one (DER), which
 * are then put into PEM.  What is accepted has printable texts and a pin that
 * can be read; what is refused has a reason that is permanent. */
#include "fuzz.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "base/buf.h"
#include "net/tls_cert.h"
#include "net/tls_pin.h"

enum { INPUT_MAX = 64 * 1024 };

static void
check_text(const char *s, size_t size)
{
	size_t n = strlen(s);

	FUZZ_CHECK(n < size);
	for (size_t i = 0; i < n; i++)
		FUZZ_CHECK(s[i] >= 0x20 && s[i] < 0x7f);
}

static void
see(void *ctx, const struct tls_cert_info *info)
{
	uint8_t pin[TLS_PIN_BYTES];
	int *n = ctx;

	++*n;
	check_text(info->subject, sizeof(info->subject));
	check_text(info->issuer, sizeof(info->issuer));
	check_text(info->serial, sizeof(info->serial));
	check_text(info->key, sizeof(info->key));
	FUZZ_CHECK(info->n_names <= TLS_CERT_NAMES_MAX);
	for (size_t i = 0; i < info->n_names; i++)
		check_text(info->names[i], 256);
	FUZZ_CHECK(strlen(info->sha256) == 32 * 3 - 1);
	FUZZ_CHECK(strncmp(info->tlsa, "3 1 1 ", 6) == 0 &&
		   strlen(info->tlsa) == 6 + 64);
	FUZZ_CHECK(tls_pin_parse(span_of(info->pin), pin) == 0);
}

static void
check_file(struct span pem)
{
	struct err e = { 0 };
	int n = 0;

	int rc = tls_cert_read(pem, see, &n, &e);
	if (rc < 0)
		FUZZ_CHECK(e.class == ERR_PERM || e.class == ERR_LIMIT);
	else
		FUZZ_CHECK(rc == n && n > 0);
	/* nobody vouches for it but perhaps itself */
	if (pem.n > 0 && tls_cert_check(pem, pem, pem, 1800000000, &e) != 0)
		FUZZ_CHECK(e.class == ERR_PERM || e.class == ERR_LIMIT);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf pem;

	if (size > INPUT_MAX)
		return 0;
	check_file(span_make((const char *)data, size));
	unsigned char *base64 = malloc(2 * size + 8);
	FUZZ_CHECK(base64 != NULL);
	(void)EVP_EncodeBlock(base64, data, (int)size);
	buf_init(&pem, 8 * (size_t)INPUT_MAX);
	FUZZ_CHECK(buf_add_str(&pem, "-----BEGIN CERTIFICATE-----\n") == 0);
	struct span rest = span_of((const char *)base64);
	for (; rest.n > 0; rest = span_skip(rest, 64)) {
		FUZZ_CHECK(buf_add_span(&pem, span_head(rest, 64)) == 0);
		FUZZ_CHECK(buf_add_char(&pem, '\n') == 0);
	}
	FUZZ_CHECK(buf_add_str(&pem, "-----END CERTIFICATE-----\n") == 0);
	check_file(buf_span(&pem));
	buf_free(&pem);
	free(base64);
	return 0;
}
