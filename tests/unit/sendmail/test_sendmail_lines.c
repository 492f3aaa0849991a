#include "../test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mail/header.h"
#include "mail/utf8.h"
#include "sendmail/sendmail.h"

enum { TEXT_MAX = 65536, LINE_MAX_BYTES = 998 };

static struct buf text;

static int
make(void **state)
{
	(void)state;
	buf_init(&text, TEXT_MAX);
	return 0;
}

static int
unmake(void **state)
{
	(void)state;
	buf_free(&text);
	return 0;
}

static void
add(const char *s)
{
	assert_int_equal(buf_add_str(&text, s), 0);
}

static void
add_times(unsigned n, const char *s)
{
	while (n-- > 0)
		add(s);
}

/* Every line is bounded, and is what it was before. */
static void
bound(void)
{
	struct err e;
	size_t n = 0;

	assert_int_equal(sendmail_lines_bound(&text, &e), 0);
	for (size_t i = 0; i < text.n; i++) {
		n = text.p[i] == '\n' ? 0 : n + 1;
		assert_true(n <= LINE_MAX_BYTES);
	}
	assert_int_equal(n, 0); /* the last line has its end */
}

static bool
holds(const char *what)
{
	return memmem(text.p, text.n, what, strlen(what)) != NULL;
}

/* The body with its soft line breaks taken out. */
static struct span
unquoted(void)
{
	long body = header_block_end(buf_span(&text));
	size_t n = 0;

	assert_true(body > 0);
	struct span s = span_skip(buf_span(&text), (size_t)body);
	char *to = text.p + body;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '=' && s.p[i + 1] == '\n') {
			i++;
		} else if (s.p[i] == '=') {
			char hex[3] = { s.p[i + 1], s.p[i + 2], '\0' };
			to[n++] = (char)strtoul(hex, NULL, 16);
			i += 2;
		} else {
			to[n++] = s.p[i];
		}
	}
	return span_make(to, n);
}

static void
short_lines_stay(void **state)
{
	(void)state;
	add("Subject: x\nX-Long: ");
	add_times(990, "x");
	add("\n\n");
	add_times(998, "y");
	add("\n.\n");
	struct buf before = { 0 };
	buf_init(&before, TEXT_MAX);
	assert_int_equal(buf_add_span(&before, buf_span(&text)), 0);
	bound();
	assert_true(span_eq(buf_span(&before), buf_span(&text)));
	buf_free(&before);
}

static void
a_text_becomes_quoted_printable(void **state)
{
	(void)state;
	add("Subject: x\nContent-Transfer-Encoding: 8bit\n"
	    "Content-Type: text/html; charset=utf-8\n\n1 = 1 \n");
	add_times(2500, "\xC3\xA9");
	add("\n.\nend\n");
	bound();
	assert_true(holds("Content-Type: text/html; charset=utf-8\n"));
	assert_true(holds("MIME-Version: 1.0\n"));
	assert_false(holds("8bit"));
	assert_int_equal(
	    header_count(buf_span(&text), "Content-Transfer-Encoding"), 1);
	assert_true(utf8_is_ascii(buf_span(&text)));
	struct span body = unquoted();
	assert_int_equal(body.n, 7 + 5000 + 1 + 2 + 4);
	assert_memory_equal(body.p, "1 = 1 \n\xC3\xA9", 9);
	assert_memory_equal(body.p + body.n - 6, ".\nend\n", 6);
}

static void
what_has_no_header_gets_one(void **state)
{
	(void)state;
	add_times(5000, "x");
	add("\n");
	bound();
	assert_memory_equal(text.p, "MIME-Version: 1.0\nContent-Transfer-", 35);
	assert_int_equal(unquoted().n, 5001);
}

static void
the_charset_is_said_when_it_is_known(void **state)
{
	(void)state;
	add("Subject: x\n\n");
	add_times(600, "\xC3\xA9");
	add("\n");
	bound();
	assert_true(holds("Content-Type: text/plain; charset=utf-8\n"));
	/* nobody knows what this is: it is broken, and not called anything */
	buf_clear(&text);
	add("Subject: x\n\n");
	add_times(1500, "\xE9");
	add("\n");
	bound();
	assert_false(holds("Content-"));
	assert_true(holds("\xE9\n \xE9"));
}

static void
parts_are_broken_between_words_and_characters(void **state)
{
	(void)state;
	add("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
	    "--b\nContent-Type: text/html\n\n");
	add_times(300, "<p>word</p> ");
	add("\n--b\n\n");
	add_times(1250, "\xE2\x82\xAC");
	add("\n--b--\n");
	bound();
	assert_true(holds("</p>\n <p>"));
	assert_true(holds("\xE2\x82\xAC\n \xE2\x82\xAC"));
	assert_true(utf8_is_valid(buf_span(&text)));
	assert_true(holds("\n--b--\n"));
	assert_false(holds("quoted-printable"));
}

static void
fields_are_folded(void **state)
{
	struct header_field f;
	struct span rest, line;
	char one[64];

	(void)state;
	add("Subject: x\nTo: ");
	for (int i = 0; i < 300; i++) {
		(void)snprintf(one, sizeof(one), "%suser%d@host.example",
			       i == 0 ? "" : ", ", i);
		add(one);
	}
	add("   \nX-End: y\n\nbody\n");
	bound();
	rest = buf_span(&text);
	while (header_next(&rest, &f) && !span_eq(f.name, span_of("To")))
		;
	assert_true(span_eq(f.name, span_of("To")));
	unsigned addresses = 0;
	for (struct span s = f.whole; s.n > 0; s = span_skip(s, line.n + 1)) {
		line = span_head(s, (size_t)span_find(s, '\n', 0));
		assert_true(line.n <= 78);
		assert_true(span_trim(line).n > 0);
		for (size_t i = 0; i < line.n; i++)
			addresses += line.p[i] == '@';
	}
	assert_int_equal(addresses, 300);
	assert_true(holds("\nX-End: y\n\nbody\n"));
}

/* Behind a comma, else where it must be. */
static void
fields_without_a_blank_are_folded_too(void **state)
{
	(void)state;
	add("Subject: x\nTo:");
	add_times(200, "a@host.example,");
	add("b@host.example\nX-Key: ");
	add_times(3000, "k");
	add("\n\nbody\n");
	bound();
	assert_true(holds("example,\n a@"));
	assert_true(holds("kkk\n kkk"));
	assert_true(holds("\n\nbody\n"));
}

static void
without_room_it_is_broken(void **state)
{
	(void)state;
	add("Subject: x\n\n");
	add_times(30000, "\xC3\xA9");
	add("\n");
	bound();
	assert_true(holds("\xC3\xA9\n \xC3\xA9"));
	assert_false(holds("quoted-printable"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(short_lines_stay),
		TEST(a_text_becomes_quoted_printable),
		TEST(what_has_no_header_gets_one),
		TEST(the_charset_is_said_when_it_is_known),
		TEST(parts_are_broken_between_words_and_characters),
		TEST(fields_are_folded),
		TEST(fields_without_a_blank_are_folded_too),
		TEST(without_room_it_is_broken),
	};

	return cmocka_run_group_tests_name("sendmail/lines", tests, NULL, NULL);
}
