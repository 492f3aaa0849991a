#ifndef PP_TESTS_UNIT_SHELL_MIME_TEST_H
#define PP_TESTS_UNIT_SHELL_MIME_TEST_H

/* What the tests of reading mail share. */
#include "../test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shell/mime.h"
#include "shell/width.h"

#define TYPE(t) "Content-Type: " t "\r\n"
#define CTE(t) "Content-Transfer-Encoding: " t "\r\n"

static const struct mime_render_options PLAIN = {
	.headers = MIME_HEADERS_NONE,
};

/* Whatever w3m the machine has is none of ours. */
static inline int
mime_test_start(void **state)
{
	(void)state;
	assert_int_equal(setenv("PATH", "", 1), 0);
	mime_start();
	return 0;
}

static inline int
mime_test_stop(void **state)
{
	(void)state;
	mime_stop();
	return 0;
}

static inline struct mime *
parse_bytes(struct span bytes)
{
	struct mime *m;
	struct err e = { .msg = "" };

	if (mime_parse(&m, bytes, &e) != 0)
		fail_msg("%s", e.msg);
	return m;
}

static inline struct mime *
parse(const char *text)
{
	return parse_bytes(span_of(text));
}

/* The message reads as `want`. */
static inline void
shows(const char *text, const struct mime_render_options *o, const char *want)
{
	struct mime *m = parse(text);
	struct buf out;
	struct err e = { .msg = "" };

	buf_init(&out, 1 << 20);
	if (mime_render(m, o, &out, &e) != 0)
		fail_msg("%s", e.msg);
	assert_true(width_is_utf8(buf_span(&out)));
	assert_int_equal(buf_add_char(&out, '\0'), 0);
	if (strcmp(out.p, want) != 0)
		print_message("%s\n", text);
	assert_string_equal(out.p, want);
	buf_free(&out);
	mime_free(&m);
}

/* Part `number` is saved as these bytes, and its size is theirs. */
static inline void
saves(const struct mime *m, unsigned number, struct span want)
{
	char path[] = "/tmp/mime-part-XXXXXX", got[4096];
	uint64_t n = 0;
	struct err e = { .msg = "" };
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	if (mime_part_save(m, number, fd, &n, &e) != 0)
		fail_msg("%s", e.msg);
	assert_int_equal(pread(fd, got, sizeof(got), 0), n);
	assert_int_equal(close(fd), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mime_part_at(m, number - 1)->size, n);
	if (n != want.n || memcmp(got, want.p, want.n) != 0)
		fail_msg("saved: %.*s; wanted: %.*s", (int)n, got,
			 SPAN_ARG(want));
}

#endif
