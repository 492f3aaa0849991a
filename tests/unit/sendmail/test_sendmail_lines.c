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
	/* nobody knows what this is, and it says so (RFC 1428 3) */
	buf_clear(&text);
	add("Subject: x\n\n");
	add_times(1500, "\xE9");
	add("\n");
	bound();
	assert_true(holds("Content-Type: text/plain; charset=unknown-8bit\n"));
	assert_int_equal(unquoted().n, 1501);
}

/* What it is does not matter, as long as it is one part. */
static void
a_body_of_any_type_is_encoded(void **state)
{
	static const char *const heads[] = {
		"Content-Type: application/json\n",
		"Content-Type: (a\\) (b) comment) text(c)/ (d)\n plain; x=y\n",
		"Content-Type: none\n",
		"Content-Transfer-Encoding: (it is) 8bit (or is it)\n",
		"Content-Transfer-Encoding: (nothing)\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		buf_clear(&text);
		add(heads[i]);
		add("\n");
		add_times(600, "\"a\",");
		add("\n");
		bound();
		assert_true(
		    holds("\nContent-Transfer-Encoding: quoted-printable\n\n"));
		struct span body = unquoted();
		assert_int_equal(body.n, 2401);
		assert_memory_equal(body.p + 2392, "\"a\",\"a\",\n", 9);
	}
}

/* At every offset, so that each escape meets the end of a line. */
static void
quoted_lines_get_soft_breaks(void **state)
{
	(void)state;
	for (unsigned shift = 0; shift < 4; shift++) {
		buf_clear(&text);
		add("Content-Transfer-Encoding: Quoted-Printable\n\nshort \n");
		add_times(shift, "x");
		add_times(400, "=C3=A9");
		add("  \n");
		add_times(1500, "y");
		add("=\nend\n");
		bound();
		struct span body = unquoted();
		assert_int_equal(body.n, 7 + shift + 800 + 1 + 1500 + 4);
		assert_memory_equal(body.p + 7 + shift, "\xC3\xA9\xC3\xA9", 4);
		assert_memory_equal(body.p + 7 + shift + 798, "\xC3\xA9\ny", 4);
		assert_memory_equal(body.p + body.n - 5, "yend\n", 5);
	}
}

static void
base64_is_wrapped(void **state)
{
	(void)state;
	add("Content-Transfer-Encoding: base64\n\n");
	add_times(500, "QUJD");
	add("\n");
	bound();
	assert_false(holds(" QUJD"));
	assert_true(holds("QUJD\nQUJD"));
}

/* Each in its way: those that are encoded lose nothing. */
static void
parts_keep_their_encoding(void **state)
{
	(void)state;
	add("Content-Type: multipart/mixed;\n charset=x; boundary=\"b (1)\"\n\n"
	    "--b (1)\nContent-Type: multipart/related; boundary=b2\n\n--b2  \n"
	    "Content-Transfer-Encoding: quoted-printable\n\n--b3\n\n");
	add_times(400, "=E2=82=AC");
	add("\n--b2\nContent-Type: message/rfc822\n\nSubject: y\n"
	    "Content-Transfer-Encoding: base64\n\n");
	add_times(500, "QUJD");
	add("\n--b2--\n--b (1)\n\n");
	add_times(500, "=3D ");
	add("\n--b (1)--\n");
	bound();
	assert_true(holds("=E2=82=AC=\n=E2=82=AC"));
	assert_true(holds("=E2=82=AC\n--b2\n"));
	assert_true(holds("QUJD\nQUJD"));
	assert_false(holds(" QUJD"));
	/* that was text */
	assert_true(holds("--b (1)\nContent-Transfer-Encoding: "
			  "quoted-printable\n\n=3D3D =3D3D"));
	assert_true(holds("=20\n--b (1)--\n"));
}

/* Its header is ours to fold, and no more. */
static void
what_is_signed_or_encrypted_stays(void **state)
{
	static const char *const heads[] = {
		"Content-Type: multipart/signed; boundary=b\n\n--b\n\n",
		"Content-Type: Multipart/(x)Encrypted; boundary=b\n\n--b\n\n",
		"Content-Type: application/pkcs7-mime; name=x\n"
		"Content-Transfer-Encoding: base64\n\n",
		"Content-Type: application/x-pkcs7-mime; name=x\n\n",
		"Content-Type: multipart/mixed; boundary=a\n\n--a\n"
		"Content-Type: multipart/signed; boundary=b\n\n--b\n\n",
		"Content-Type: message/rfc822\n\nSubject: y\n"
		"Content-Type: multipart/signed; boundary=b\n\n--b\n\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		struct buf whole = { 0 };
		struct err e;
		buf_clear(&text);
		add(heads[i]);
		add_times(1500, "x");
		add("\n--b--\n");
		buf_init(&whole, TEXT_MAX);
		assert_int_equal(buf_add_span(&whole, buf_span(&text)), 0);
		buf_clear(&text);
		add("X-Key: ");
		add_times(500, "a b");
		add("\n");
		assert_int_equal(buf_add_span(&text, buf_span(&whole)), 0);
		assert_int_equal(sendmail_lines_bound(&text, &e), 0);
		assert_true(text.n > whole.n && holds("\n ba"));
		assert_memory_equal(text.p + text.n - whole.n, whole.p,
				    whole.n);
		buf_free(&whole);
	}
}

/* Where the long line is, and there alone. */
static void
parts_are_encoded(void **state)
{
	static const char first[] =
	    "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
	    "--b\nContent-Type: text/html\nContent-Transfer-Encoding: 8bit\n\n"
	    "=\xC3\xA9\n--b\n";

	(void)state;
	add(first);
	add("Content-Transfer-Encoding: 7bit\nContent-Type: text/html\n\n");
	/* also where a line that is made would be a delimiter */
	for (int i = 0; i < 15; i++)
		add_times(74, i < 14 ? "x" : "y");
	add("--b\n--b\nContent-Type: message/rfc822\n\nSubject: y\n\n");
	add_times(1001, "\xE9");
	add("\n--b--\n");
	bound();
	assert_memory_equal(text.p, first, sizeof(first) - 1);
	assert_true(holds("\n--b\nContent-Type: text/html\n"
			  "Content-Transfer-Encoding: quoted-printable\n\nxx"));
	assert_true(
	    holds("\n\nSubject: y\nMIME-Version: 1.0\n"
		  "Content-Type: text/plain; charset=unknown-8bit\n"
		  "Content-Transfer-Encoding: quoted-printable\n\n=E9"));
	unsigned delimiters = 0;
	for (const char *at = text.p; at < text.p + text.n; at++)
		delimiters += at[0] == '\n' && strncmp(at, "\n--b", 4) == 0;
	assert_int_equal(delimiters, 4);
	assert_true(holds("=E9\n--b--\n"));
}

/* Its parts are messages, which have no encoding (RFC 2046 5.1.5, 5.2.1). */
static void
a_digest_is_not_encoded(void **state)
{
	(void)state;
	add("Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: "
	    "y\n\n");
	add_times(500, "word ");
	add("\n--b--\n");
	bound();
	assert_false(holds("quoted-printable"));
}

static void
anything_else_is_broken_between_words_and_characters(void **state)
{
	(void)state;
	/* nobody knows where a part begins */
	add("MIME-Version: 1.0\nContent-Type: multipart/mixed\n\n"
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
		TEST(a_body_of_any_type_is_encoded),
		TEST(quoted_lines_get_soft_breaks),
		TEST(base64_is_wrapped),
		TEST(parts_keep_their_encoding),
		TEST(what_is_signed_or_encrypted_stays),
		TEST(parts_are_encoded),
		TEST(a_digest_is_not_encoded),
		TEST(anything_else_is_broken_between_words_and_characters),
		TEST(fields_are_folded),
		TEST(fields_without_a_blank_are_folded_too),
		TEST(without_room_it_is_broken),
	};

	return cmocka_run_group_tests_name("sendmail/lines", tests, NULL, NULL);
}
