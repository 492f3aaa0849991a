/*
 * The input is a message, as a stranger may have sent it.  Whatever it is, what
 * is shown of it is UTF-8 without a control character, its parts have names
 * that stay in their directory, and an answer to it can be built and holds no
 * field that was not asked for.
 */
#include "fuzz.h"

#include <string.h>

#include "mail/header.h"
#include "shell/mime.h"
#include "shell/width.h"

enum { TEXT_MAX = 8 * 1024 * 1024 };

int LLVMFuzzerInitialize(int *argc, char ***argv);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	(void)setenv("PATH", "", 1); /* no w3m: our own code */
	return 0;
}

static void
check_clean(struct span s, bool lines)
{
	FUZZ_CHECK(width_is_utf8(s));
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		FUZZ_CHECK(c >= 0x20 || (lines && (c == '\n' || c == '\t')));
		FUZZ_CHECK(c != 0x7f);
		/* C1 controls: U+0080..U+009F */
		FUZZ_CHECK(c != 0xC2 || (unsigned char)s.p[i + 1] >= 0xA0);
	}
}

static void
check_text(const struct mime *m, bool html, unsigned width)
{
	struct mime_render_options o = { .headers = MIME_HEADERS_ALL,
					 .prefer_html = html,
					 .width = width };
	struct buf out;
	struct err e;

	buf_init(&out, TEXT_MAX);
	if (mime_render(m, &o, &out, &e) == 0)
		check_clean(buf_span(&out), true);
	buf_free(&out);
}

static void
check_parts(const struct mime *m)
{
	static const struct mime_render_options o = { .message = 1 };

	for (unsigned i = 0; i < mime_part_count(m); i++) {
		const struct mime_part *p = mime_part_at(m, i);
		char name[MIME_NAME_SIZE];
		struct buf out;
		struct err e;

		FUZZ_CHECK(p->number == i + 1);
		mime_part_file_name(p, name);
		check_clean(span_of(name), false);
		FUZZ_CHECK(name[0] != '\0' && name[0] != '.');
		FUZZ_CHECK(strchr(name, '/') == NULL);
		buf_init(&out, TEXT_MAX);
		if (i < 8 && mime_part_text(m, p->number, &o, &out, &e) == 0)
			check_clean(buf_span(&out), true);
		buf_free(&out);
	}
}

static void
check_reply(const struct mime *m)
{
	static const struct mime_reply_options o = { .me = "bob@xyz.com",
						     .to_all = true,
						     .quote = true };
	struct mime_reply r;
	struct mime_built built;
	struct arena arena;
	struct buf out;
	struct err e;

	arena_init(&arena, TEXT_MAX);
	buf_init(&out, TEXT_MAX);
	if (mime_make_reply(m, &o, &arena, &r, &e) != 0)
		goto out;
	struct mime_draft d = { .from = "bob@xyz.com",
				.to = r.to,
				.cc = r.cc,
				.subject = r.subject,
				.in_reply_to = r.in_reply_to,
				.references = r.references,
				.body = span_of(r.body),
				.server_utf8 = true };
	if (mime_build(&d, &out, &built, &e) != 0) {
		FUZZ_CHECK(e.class == ERR_PERM || e.class == ERR_LIMIT);
		goto out;
	}
	long end = header_block_end(buf_span(&out));
	FUZZ_CHECK(end > 0);
	struct span rest = span_head(buf_span(&out), (size_t)end);
	struct header_field f;
	unsigned n = 0;
	while (header_next(&rest, &f)) {
		FUZZ_CHECK(f.name.n > 0);
		n++;
	}
	FUZZ_CHECK(n <= 9);
out:
	buf_free(&out);
	arena_reset(&arena);
}

static void
check_summary(struct span bytes)
{
	struct mime_summary s;
	struct arena arena;
	struct err e;

	arena_init(&arena, TEXT_MAX);
	if (mime_summarise(bytes, &arena, &s, &e) == 0) {
		check_clean(span_of(s.from), false);
		check_clean(span_of(s.from_name), false);
		check_clean(span_of(s.to), false);
		check_clean(span_of(s.subject), false);
	}
	arena_reset(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span bytes = span_make((const char *)data, size);
	struct mime *m;
	struct err e;

	mime_start();
	check_summary(bytes);
	if (mime_parse(&m, bytes, &e) != 0)
		return 0;
	check_text(m, false, 0);
	check_text(m, true, 40);
	check_parts(m);
	check_reply(m);
	mime_free(&m);
	return 0;
}
