/*
 * A client in an AUTH exchange: the first byte chooses the mechanism, the
 * second how the rest is meant, and each line of the rest is a message.
 *
 *   raw     the line is base64 already, or rubbish
 *   coded   it is put in base64; "%" stands for the nonce of the challenge
 *   bent    our own client speaks, with the right password; the line says which
 *           byte of a message is changed into what
 *
 * Nobody gets in without the password, and every exchange comes to an end.
 */
#include "fuzz.h"

#include <string.h>
#include <unistd.h>

#include "auth/password.h"
#include "auth/sasl_client.h"
#include "auth/sasl_private.h"
#include "base/durable.h"
#include "base/log.h"

#define SECRET "correct horse"

static struct users *users;
static struct sasl *sasl;

static const char *const names[] = { "PLAIN",
				     "LOGIN",
				     "SCRAM-SHA-1",
				     "SCRAM-SHA-256",
				     "SCRAM-SHA-1-PLUS",
				     "SCRAM-SHA-256-PLUS",
				     "EXTERNAL",
				     "X" };

enum { NAMES = 8, MESSAGES_MAX = 16 };

static const unsigned char digest[SASL_DIGEST_SIZE] = { 1 };

static void
set_up(void)
{
	char one[SCRAM_STORED_SIZE], two[SCRAM_STORED_SIZE], file[1024];
	char path[] = "/tmp/fuzz_auth.XXXXXX";
	struct err e;

	/* Keys with the least count, made once for all. */
	struct scram_key key = { .hash = SCRAM_SHA_1,
				 .iterations = SCRAM_ITERATIONS_MIN,
				 .salt_n = SCRAM_SALT_SIZE };
	FUZZ_CHECK(
	    password_scram(&key, span_of(SECRET), one, sizeof(one), &e) == 0);
	key.hash = SCRAM_SHA_256;
	FUZZ_CHECK(
	    password_scram(&key, span_of(SECRET), two, sizeof(two), &e) == 0);
	(void)snprintf(file, sizeof(file), "a@b.c %s %s certificate=01%062d\n",
		       one, two, 0);
	int fd = mkstemp(path);
	FUZZ_CHECK(fd >= 0 && log_open("/dev/null", LOG_ERROR, &e) == 0);
	FUZZ_CHECK(durable_write(fd, file, strlen(file), &e) == 0);
	FUZZ_CHECK(users_open(&users, path, &e) == 0);
	(void)close(fd);
	(void)unlink(path); /* what was read stays in force */
	FUZZ_CHECK(sasl_new(&sasl,
			    &(struct sasl_options){ .users = users,
						    .channel_binding = true },
			    &e) == 0);
}

/* The next line of the input. */
static struct span
next(struct span *rest)
{
	long lf = span_find(*rest, '\n', 0);
	size_t n = lf < 0 ? rest->n : (size_t)lf;
	struct span line = span_head(*rest, n);

	*rest = span_skip(*rest, n + 1);
	return line;
}

/* r= of the challenge, up to its comma. */
static struct span
nonce(const struct sasl_answer *a, unsigned char *bytes, size_t size)
{
	size_t n = 0;

	if (sasl_base64_decode(buf_span(&a->challenge), bytes, size, &n) != 0 ||
	    n < 2)
		return span_make("", 0);
	struct span text = span_make((const char *)bytes, n);
	long comma = span_find(text, ',', 0);
	return span_skip(span_head(text, comma < 0 ? n : (size_t)comma), 2);
}

static bool
holds(struct span text, const char *word)
{
	return text.n > 0 && memmem(text.p, text.n, word, strlen(word)) != NULL;
}

/* A line as the client sends it, appended to *out. */
static void
encode(struct span line, const struct sasl_answer *a, struct buf *out)
{
	unsigned char bytes[2048];
	struct buf plain;

	buf_init(&plain, 64 * 1024);
	for (size_t i = 0; i < line.n; i++) {
		if (line.p[i] == '%')
			(void)buf_add_span(&plain,
					   nonce(a, bytes, sizeof(bytes)));
		else if (line.p[i] == '|')
			(void)buf_add_char(&plain, '\0');
		else
			(void)buf_add_char(&plain, line.p[i]);
	}
	(void)sasl_base64_add(out, plain.p, plain.n);
	buf_free(&plain);
}

static void
check_end(enum sasl_result got, const struct sasl_exchange *x,
	  const struct sasl_answer *a)
{
	FUZZ_CHECK((got == SASL_CONTINUE) == (x != NULL));
	FUZZ_CHECK(got != SASL_UNAVAILABLE && got != SASL_LIMITED);
	FUZZ_CHECK(a->challenge.n <= SASL_LINE_MAX);
	if (got == SASL_OK)
		FUZZ_CHECK(strcmp(a->user.address, "a@b.c") == 0);
}

static void
speak_freely(const char *name, const struct sasl_channel *ch, bool coded,
	     struct span rest)
{
	struct sasl_exchange *x = NULL;
	bool told = holds(rest, SECRET);
	struct sasl_answer a;
	struct buf line;

	buf_init(&line, 64 * 1024);
	sasl_answer_init(&a);
	enum sasl_result got =
	    sasl_start(sasl, ch, span_of(name), span_make(NULL, 0), &x, &a);
	check_end(got, x, &a);
	for (int i = 0; got == SASL_CONTINUE; i++) {
		FUZZ_CHECK(i < MESSAGES_MAX);
		buf_clear(&line);
		struct span one = next(&rest);
		if (coded)
			encode(one, &a, &line);
		got = sasl_step(&x, coded ? buf_span(&line) : one, &a);
		check_end(got, x, &a);
	}
	if (got == SASL_OK && strcmp(name, "EXTERNAL") != 0 && coded)
		FUZZ_CHECK(told && strncmp(name, "SCRAM", 5) != 0);
	if (got == SASL_OK && !coded)
		FUZZ_CHECK(strncmp(name, "SCRAM", 5) != 0);
	buf_free(&line);
	sasl_answer_clear(&a);
}

/* "NMV": byte M of message N becomes V; true when that changes anything. */
static bool
bend(struct span how, unsigned message, struct buf *line)
{
	unsigned char bytes[1024];
	size_t n = 0;

	if (how.n < 3 || (unsigned char)how.p[0] % 3 != message ||
	    sasl_base64_decode(buf_span(line), bytes, sizeof(bytes), &n) != 0 ||
	    n == 0)
		return false;
	unsigned char *b = &bytes[(unsigned char)how.p[1] % n];
	bool changed = *b != (unsigned char)how.p[2];
	*b = (unsigned char)how.p[2];
	buf_clear(line);
	(void)sasl_base64_add(line, bytes, n);
	return changed;
}

static void
speak_well(const char *name, const struct sasl_channel *ch, struct span how)
{
	struct sasl_login l = { .login = "a@b.c",
				.password = SECRET,
				.certificate = true };
	struct sasl_client_channel cc = { .offered = span_of(name),
					  .is_safe = true,
					  .has_binding = ch->has_binding };
	struct sasl_exchange *x = NULL;
	struct sasl_client *c;
	struct sasl_answer a;
	struct buf line;
	bool bent = false;
	struct err e;

	if (sasl_client_new(&c, &l, &cc, &e) != 0)
		return;
	buf_init(&line, 64 * 1024);
	sasl_answer_init(&a);
	enum sasl_result got =
	    sasl_start(sasl, ch, span_of(name), span_make(NULL, 0), &x, &a);
	for (unsigned i = 0; got == SASL_CONTINUE; i++) {
		buf_clear(&line);
		if (sasl_client_step(c, buf_span(&a.challenge), &line, &e) != 0)
			break;
		bent |= bend(how, i, &line);
		got = sasl_step(&x, buf_span(&line), &a);
		check_end(got, x, &a);
	}
	/* A letter of a name may be large or small in PLAIN and LOGIN. */
	if (strncmp(name, "SCRAM", 5) == 0)
		FUZZ_CHECK((got == SASL_OK) == !bent);
	else if (!bent)
		FUZZ_CHECK(got == SASL_OK);
	sasl_cancel(&x);
	sasl_client_free(&c);
	sasl_answer_clear(&a);
	buf_free(&line);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sasl_channel ch = { .peer = "192.0.2.1",
				   .clear_text_allowed = true,
				   .has_binding = true,
				   .certificate_digest = digest };

	if (sasl == NULL)
		set_up();
	if (size < 2)
		return 0;
	const char *name = names[data[0] % NAMES];
	struct span rest = span_make((const char *)data + 2, size - 2);
	/* 'y' is a lie only where a binding was offered. */
	ch.has_binding = (data[1] & 4) == 0;
	if (data[1] % 4 == 3)
		speak_well(name, &ch, rest);
	else
		speak_freely(name, &ch, data[1] % 2 == 1, rest);
	return 0;
}
