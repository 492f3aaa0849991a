#include <string.h>

#include "auth/sasl_private.h"

int
sasl_base64_add(struct buf *out, const void *p, size_t n)
{
	char *text = NULL;
	size_t text_n = 0;

	if (n == 0)
		return 0;
	if (gsasl_base64_to(p, n, &text, &text_n) != GSASL_OK)
		return -1;
	int rc = buf_add(out, text, text_n);
	explicit_bzero(text, text_n);
	gsasl_free(text);
	return rc;
}

int
sasl_base64_decode(struct span text, void *out, size_t size, size_t *n)
{
	char *bytes = NULL;
	size_t got = 0;

	*n = 0;
	if (text.n == 0)
		return 0;
	if (gsasl_base64_from(text.p, text.n, &bytes, &got) != GSASL_OK)
		return -1;
	int rc = got > size ? -1 : 0;
	if (rc == 0 && got > 0) {
		memcpy(out, bytes, got);
		*n = got;
	}
	if (bytes != NULL)
		explicit_bzero(bytes, got);
	gsasl_free(bytes);
	return rc;
}

int
sasl_base64_property(Gsasl_session *session, Gsasl_property property,
		     const unsigned char *p, size_t n)
{
	char text[2 * SCRAM_SALT_MAX];
	struct buf b;

	buf_init(&b, sizeof(text) - 1);
	int rc = sasl_base64_add(&b, p, n) == 0 &&
			 span_copy(buf_span(&b), text, sizeof(text)) == 0
		     ? gsasl_property_set(session, property, text)
		     : GSASL_MALLOC_ERROR;
	if (b.p != NULL)
		explicit_bzero(b.p, b.n);
	buf_free(&b);
	explicit_bzero(text, sizeof(text));
	return rc;
}
