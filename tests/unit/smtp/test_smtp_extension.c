#include "../test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "smtp/smtp_server_private.h"

/* The table that EHLO is made of, and doc/extensions.md. */

static void
read_file(const char *name, struct buf *out)
{
	const char *top = getenv("top_srcdir");
	char path[4096];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%s/%s", top != NULL ? top : ".",
		       name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	do {
		assert_int_equal(buf_reserve(out, 4096), 0);
		n = read(fd, out->p + out->n, 4096);
		assert_true(n >= 0);
		out->n += (size_t)n;
	} while (n > 0);
	(void)close(fd);
}

/* The next "| `KEYWORD` | standard | ..."; false when there is none. */
static bool
next_row(struct span *text, struct span *keyword, struct span *standard)
{
	while (text->n > 0) {
		long lf = span_find(*text, '\n', 0);
		size_t n = lf < 0 ? text->n : (size_t)lf;
		struct span line = span_head(*text, n);
		*text = span_skip(*text, lf < 0 ? n : n + 1);
		if (!span_starts_nocase(line, span_of("| `")))
			continue;
		line = span_skip(line, 3);
		long tick = span_find(line, '`', 0);
		assert_true(tick > 0);
		*keyword = span_head(line, (size_t)tick);
		line = span_skip(line, (size_t)tick + 4);
		long bar = span_find(line, '|', 0);
		assert_true(bar > 0);
		*standard = span_trim(span_head(line, (size_t)bar));
		return true;
	}
	return false;
}

static void
every_extension_is_documented_in_order(void **state)
{
	struct buf doc;
	struct span keyword, standard;
	size_t n = 0;
	const struct smtp_server_extension *x = smtp_server_extensions(&n);

	(void)state;
	buf_init(&doc, 1024 * 1024);
	read_file("doc/extensions.md", &doc);
	struct span rest = buf_span(&doc);
	for (size_t i = 0; i < n; i++) {
		assert_true(next_row(&rest, &keyword, &standard));
		if (!span_eq(keyword, span_of(x[i].keyword)) ||
		    !span_eq(standard, span_of(x[i].standard)))
			fail_msg("documented %.*s of %.*s, offered %s of %s",
				 SPAN_ARG(keyword), SPAN_ARG(standard),
				 x[i].keyword, x[i].standard);
	}
	assert_false(next_row(&rest, &keyword, &standard));
	buf_free(&doc);
}

/* RFC 5321 4.1.1.1: ehlo-keyword = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-") */
static void
every_keyword_has_the_form_of_one(void **state)
{
	size_t n = 0;
	const struct smtp_server_extension *x = smtp_server_extensions(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		const char *k = x[i].keyword;
		assert_true(k[0] != '-' && k[0] != '\0');
		assert_int_equal(strspn(k, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
					   "0123456789-"),
				 strlen(k));
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(k, x[j].keyword);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_extension_is_documented_in_order),
		cmocka_unit_test(every_keyword_has_the_form_of_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
