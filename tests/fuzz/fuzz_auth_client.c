/*
 * A hostile server in an AUTH exchange: the first byte chooses the mechanism,
 * the second whether the lines that follow are challenges as they are or are to
 * be put in base64, where "%" stands for the client's nonce.
 *
 * SCRAM never ends well with it, nothing but PLAIN and LOGIN says the password,
 * and there is an end.
 */
#include "fuzz.h"

#include <string.h>

#include "auth/sasl_client.h"
#include "auth/sasl_private.h"

#define SECRET "correct horse"

static const char *const names[] = { "PLAIN",
				     "LOGIN",
				     "SCRAM-SHA-1",
				     "SCRAM-SHA-256",
				     "SCRAM-SHA-256-PLUS",
				     "EXTERNAL" };

enum { NAMES = 6, CHALLENGE_BYTES = 4096 };

static struct span
next(struct span *rest)
{
	long lf = span_find(*rest, '\n', 0);
	size_t n = lf < 0 ? rest->n : (size_t)lf;
	struct span line = span_head(*rest, n);

	*rest = span_skip(*rest, n + 1);
	return line;
}

/* r= of the client's first message. */
static struct span
nonce(struct span response, unsigned char *bytes, size_t size)
{
	size_t n = 0;

	if (sasl_base64_decode(response, bytes, size, &n) != 0)
		return span_make("", 0);
	const char *r = n == 0 ? NULL : memmem(bytes, n, ",r=", 3);
	if (r == NULL)
		return span_make("", 0);
	return span_make(r + 3, n - (size_t)(r + 3 - (const char *)bytes));
}

static void
encode(struct span line, struct span response, struct buf *out)
{
	unsigned char bytes[CHALLENGE_BYTES];
	struct buf plain;

	buf_init(&plain, CHALLENGE_BYTES);
	for (size_t i = 0; i < line.n; i++) {
		if (line.p[i] == '%')
			(void)buf_add_span(
			    &plain, nonce(response, bytes, sizeof(bytes)));
		else
			(void)buf_add_char(&plain, line.p[i]);
	}
	(void)sasl_base64_add(out, plain.p, plain.n);
	buf_free(&plain);
}

/* not inlined: frames stay small under a sanitizer, too */
static __attribute__((noinline)) bool
says_secret(struct span response)
{
	unsigned char bytes[CHALLENGE_BYTES];
	size_t n = 0;

	return sasl_base64_decode(response, bytes, sizeof(bytes), &n) == 0 &&
	       n > 0 && memmem(bytes, n, SECRET, strlen(SECRET)) != NULL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sasl_login l = { .login = "a@b.c",
				.password = SECRET,
				.certificate = true };
	struct buf challenge, response;
	struct sasl_client *c;
	struct err e;
	int rc = 0;

	if (size < 2)
		return 0;
	const char *name = names[data[0] % NAMES];
	bool shows = data[0] % NAMES < 2,
	     scram = strncmp(name, "SCRAM", 5) == 0;
	struct sasl_client_channel ch = { .offered = span_of(name),
					  .is_safe = true,
					  .has_binding = true };
	struct span rest = span_make((const char *)data + 2, size - 2);
	/* A nonce that holds it comes back, and tells nothing. */
	shows |= memmem(data, size, SECRET, strlen(SECRET)) != NULL;
	FUZZ_CHECK(sasl_client_new(&c, &l, &ch, &e) == 0);
	buf_init(&challenge, 2 * CHALLENGE_BYTES);
	buf_init(&response, SASL_LINE_MAX);
	for (int i = 0; rc == 0 && (rest.n > 0 || i == 0); i++) {
		FUZZ_CHECK(i <= SASL_CLIENT_STEPS_MAX);
		struct span line = next(&rest);
		buf_clear(&challenge);
		if (data[1] % 2 == 1)
			encode(line, buf_span(&response), &challenge);
		else
			(void)buf_add_span(&challenge, line);
		buf_clear(&response);
		rc = sasl_client_step(c, buf_span(&challenge), &response, &e);
		FUZZ_CHECK(shows || !says_secret(buf_span(&response)));
	}
	if (rc == 0 && sasl_client_end(c, &e) == 0)
		FUZZ_CHECK(!scram);
	sasl_client_free(&c);
	buf_free(&challenge);
	buf_free(&response);
	return 0;
}
