/*
 * A message in chunks (RFC 3030): however it is cut, what is stored is what was
 * sent, with a last line end where it had none; what is not made of lines is
 * refused; and no octet of it is ever taken for a command.
 *
 * The input: a byte that says how many cuts, a byte for each, the message.
 */
#include "fuzz.h"

#include <string.h>

#include "../wire/smtp_recorder.h"
#include "../wire/wire.h"
#include "base/log.h"
#include "smtp/smtp_server.h"

enum { SIZE_MAX_BYTES = 32 * 1024, CUTS_MAX = 15 };

static void
serve(void *server, const struct listener_client *c)
{
	smtp_server_session(server, c);
}

static int
reply(struct wire_session *w)
{
	struct span line;
	uint64_t code = 0;
	struct err e;

	do {
		FUZZ_CHECK(wire_line(w, &line, &e) == 0);
		FUZZ_CHECK(line.n >= 4);
		FUZZ_CHECK(span_u64(span_head(line, 3), &code) == 0);
	} while (line.p[3] == '-');
	return (int)code;
}

static bool
is_lines(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\0' ||
		    (s.p[i] == '\n' && (i == 0 || s.p[i - 1] != '\r')))
			return false;
		if (s.p[i] == '\r' && (i + 1 == s.n || s.p[i + 1] != '\n'))
			return false;
	}
	return true;
}

/* BDAT for each part, all in one; returns how many there are. */
static unsigned
put_chunks(struct buf *out, struct span text, const uint8_t *cut, unsigned cuts)
{
	unsigned n = 0;

	for (; n < cuts; n++) {
		struct span part = span_head(text, cut[n]);
		FUZZ_CHECK(buf_addf(out, "BDAT %zu\r\n", part.n) == 0 &&
			   buf_add_span(out, part) == 0);
		text = span_skip(text, part.n);
	}
	FUZZ_CHECK(buf_addf(out, "bdat %zu LAST\r\n", text.n) == 0 &&
		   buf_add_span(out, text) == 0);
	return n + 1;
}

/* A last line without its end is given one, and that counts (RFC 1870 5). */
static size_t
added(struct span text)
{
	return text.n > 0 && text.p[text.n - 1] != '\n' ? 2 : 0;
}

static void
check_stored(const struct smtp_recorder *r, struct span text)
{
	struct span got = buf_span(&r->messages);
	long lf = span_find(got, '\n', 0);

	FUZZ_CHECK(lf > 0);
	got = span_skip(got, (size_t)lf + 1);
	FUZZ_CHECK(got.n == text.n + added(text));
	FUZZ_CHECK(span_eq(span_head(got, text.n), text));
	FUZZ_CHECK(memcmp(got.p + text.n, "\r\n", added(text)) == 0);
}

static void
play(struct wire_session *w, struct smtp_recorder *r, struct span text,
     const uint8_t *cut, unsigned cuts)
{
	bool good = is_lines(text) && text.n + added(text) <= SIZE_MAX_BYTES;
	struct buf all;
	int code = 0;

	buf_init(&all, 1024 * 1024);
	FUZZ_CHECK(buf_add_str(&all, "EHLO c\r\n") == 0);
	FUZZ_CHECK(reply(w) == 220);
	FUZZ_CHECK(wire_send(w, buf_span(&all)) == 0 && reply(w) == 250);
	buf_clear(&all);
	FUZZ_CHECK(buf_add_str(&all, "MAIL FROM:<a@b.c>\r\n"
				     "RCPT TO:<bob@xyz.com>\r\n") == 0);
	unsigned chunks = put_chunks(&all, text, cut, cuts);
	FUZZ_CHECK(buf_add_str(&all, "NOOP\r\nQUIT\r\n") == 0);
	(void)wire_send(w, buf_span(&all));
	buf_free(&all);
	FUZZ_CHECK(reply(w) == 250 && reply(w) == 250);
	for (unsigned i = 0; i < chunks; i++) {
		int before = code;
		code = reply(w);
		/* once refused, refused to the end */
		FUZZ_CHECK(code == 250 || code == 550 || code == 552 ||
			   code == 503);
		FUZZ_CHECK(code != 503 || before >= 500);
		FUZZ_CHECK(before < 500 || code == 503);
	}
	FUZZ_CHECK((code == 250) == good);
	FUZZ_CHECK(reply(w) == 250 && reply(w) == 221);
	wire_join(w);
	FUZZ_CHECK(r->stored == (good ? 1 : 0));
	if (good)
		check_stored(r, text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct smtp_server_options o = {
		.hostname = "mx.test",
		.service = "smtp",
		.size_max_bytes = SIZE_MAX_BYTES,
		.errors_max = 50,
	};
	unsigned cuts = size > 0 ? data[0] % (CUTS_MAX + 1) : 0;
	struct smtp_server *server = NULL;
	struct smtp_recorder recorder;
	struct wire_session w;
	struct err e;

	if (size < 1 + (size_t)cuts || size > 2 * (size_t)SIZE_MAX_BYTES)
		return 0;
	FUZZ_CHECK(log_open("/dev/null", LOG_ERROR, &e) == 0);
	smtp_recorder_init(&recorder);
	FUZZ_CHECK(smtp_server_new(&server, &o, &smtp_recorder_ops, &recorder,
				   &e) == 0);
	FUZZ_CHECK(wire_open(&w, server, serve, NULL) == 0);
	play(&w, &recorder,
	     span_make((const char *)data + 1 + cuts, size - 1 - cuts),
	     data + 1, cuts);
	FUZZ_CHECK(recorder.broken == NULL && !recorder.open);
	FUZZ_CHECK(recorder.mails == recorder.resets);
	smtp_server_free(&server);
	smtp_recorder_clear(&recorder);
	return 0;
}
