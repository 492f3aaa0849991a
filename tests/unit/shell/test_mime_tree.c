#include "mime_test.h"

/*
 * What a message is made of, when its sender got that wrong: the text is seen
 * all the same.
 */

#define NO_TEXT "[this message holds no text that can be seen; as it came:]\n"

static void
is_seen(const char *type, const char *body, const char *want)
{
	struct buf text;

	buf_init(&text, 1 << 16);
	(void)buf_addf(&text, "Content-Type: %s\r\n\r\n%s", type, body);
	(void)buf_add_char(&text, '\0');
	shows(text.p, &PLAIN, want);
	/* and as a part of another */
	buf_clear(&text);
	(void)buf_addf(&text,
		       "Content-Type: multipart/mixed; boundary=outer\r\n\r\n"
		       "--outer\r\nContent-Type: %s\r\n\r\n%s\r\n--outer--\r\n",
		       type, body);
	(void)buf_add_char(&text, '\0');
	shows(text.p, &PLAIN, want);
	buf_free(&text);
}

/* RFC 2045 5.2: an invalid Content-Type means text/plain. */
static void
an_invalid_type_is_plain_text(void **state)
{
	static const char *const types[] = {
		"text",
		"TEXT",
		"",
		"text/",
		"/plain",
		"/",
		"plain",
		"\"text/plain\"",
		"\"text\"/plain",
		";",
		"; charset=utf-8",
		"(comment)",
		"charset=utf-8",
		"text; charset=utf-8",
		"<text/plain>",
		"multipart",
		"html",
		"application",
		/* and those that are valid, if hardly */
		"text/plain (c); charset=us-ascii (Plain text)",
		"text/plain charset=utf-8",
		"text/plain;; charset=utf-8",
		"text/plain; charset=8bit",
		"text/plain; charset",
		"text/plain; charset=",
		"text/plain; =utf-8",
		"text/plain; charset=\"utf-8",
		"text/plain,charset=utf-8",
		"text/plain: charset=utf-8",
		"text / plain",
		"(a) text (b) / (c) plain (d)",
		"text/x-foo",
		"Text/Plain;\r\n\tcharset=utf-8",
		"text/plain/x",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		is_seen(types[i], "visible\r\n", "visible\n");
	is_seen("text; charset=koi8-r", "\xD0\xD2\r\n", "пр\n");
	/* the first that is valid counts */
	shows("Content-Type: text\r\nContent-Type: text/html\r\n\r\n<p>a",
	      &PLAIN, "a\n");
	/* with its own parameters alone */
	shows(TYPE("text; charset=koi8-r")
		  TYPE("text/plain; charset=utf-8") "\r\ncaf\xC3\xA9",
	      &PLAIN, "café\n");
	shows(TYPE("multipart; boundary=a")
		  TYPE("multipart/mixed; boundary=b") "\r\n--b\r\n\r\n--a\r\n--"
						      "b--\r\n",
	      &PLAIN, "--a\n");
}

static void
a_multipart_without_parts_is_shown(void **state)
{
	static const char *const types[] = {
		"multipart/mixed",
		"multipart/mixed;",
		"multipart/mixed; boundary",
		"multipart/mixed; boundary=",
		"multipart/mixed; boundary=\"\"",
		"multipart/alternative; boundary=zz",
		"multipart/*; charset=utf-8",
		"multipart/report;",
		"multipart/mixed; boundary=b",
		"multipart/related; type=x",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		is_seen(types[i], "visible\r\n", "visible\n");
		is_seen(types[i], "-- \r\nvisible", "-- \nvisible\n");
	}
	is_seen("multipart/mixed; boundary=b", "visible\r\n--b--\r\n",
		"visible\n--b--\n");
	shows(TYPE("multipart/mixed") CTE("quoted-printable") "\r\ncaf=C3=A9",
	      &PLAIN, "café\n");
	shows(TYPE("multipart/mixed") CTE("base64") "\r\naGVsbG8=", &PLAIN,
	      "hello\n");
}

static void
boundaries_as_senders_write_them(void **state)
{
	static const char *const types[] = {
		"multipart/mixed; boundary=b",
		"multipart/mixed; boundary=b (comment)",
		"multipart/mixed; boundary=b(comment)",
		"multipart/mixed; boundary=\"b\" (comment)",
		"multipart/mixed; (comment) boundary=b",
		"multipart/mixed (comment); boundary=b",
		"multipart/mixed boundary=b",
		"multipart/mixed;boundary = b",
		"multipart/mixed; boundary=\"b \"",
		"multipart/mixed; boundary=\" b\"",
		"multipart/mixed; boundary=\"b",
		"multipart/mixed; boundary=b;",
		"multipart/mixed; BOUNDARY=b",
		"multipart/mixed; charset=x boundary=b",
		"multipart/mixed; boundary*=us-ascii''b",
		"multipart/mixed; boundary*0=\"\"; boundary*1=b",
		"multipart/mixed;\r\n\tboundary=\r\n\t b",
		/* not said, or another one: what stands there */
		"multipart/mixed",
		"multipart/mixed; boundary=other",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		is_seen(types[i],
			"not shown\r\n--b\r\nContent-Type: text/plain\r\n\r\n"
			"one\r\n--b\r\nContent-Type: text/plain\r\n\r\ntwo\r\n"
			"--b--\r\nnor this\r\n",
			"one\n\ntwo\n");
		is_seen(types[i],
			"--b \t\nContent-Type: text/plain\n\none\n\n--b--\n",
			"one\n");
		/* the end is missing */
		is_seen(types[i], "--b\nContent-Type: text/plain\n\none\n",
			"one\n");
	}
	/* one is the beginning of the other */
	is_seen("multipart/mixed; boundary=b",
		"--b\r\nContent-Type: multipart/mixed; boundary=bb\r\n\r\n"
		"--bb\r\n\r\none\r\n--bb--\r\n--b\r\n\r\ntwo\r\n--b--\r\n",
		"one\n\ntwo\n");
	/* the inner one never ends; the outer does */
	is_seen("multipart/mixed; boundary=b",
		"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n"
		"--c\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\n",
		"one\n\ntwo\n");
	is_seen("multipart/mixed; boundary=b",
		"--b\r\n\r\none --b\r\n---b\r\n"
		"--bx\r\n --b\r\n--b--\r\n",
		"one --b\n---b\n--bx\n --b\n");
}

static void
a_part_may_lack_its_header(void **state)
{
	static const char type[] = "multipart/mixed; boundary=b";

	(void)state;
	is_seen(type, "--b\r\nno field here\r\n--b--\r\n", "no field here\n");
	is_seen(type,
		"--b\r\nContent-Type: text/plain\r\nno empty line\r\n\r\n"
		"between\r\n--b--\r\n",
		"no empty line\n\nbetween\n");
	is_seen(type,
		"--b\r\nContent-Type: text/plain\r\nnot a field\r\n"
		"Content-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n"
		"--b--\r\n",
		"hello\n");
	/* a message that is text alone */
	shows("just a line\r\nand another\r\n\r\nand a last\r\n", &PLAIN,
	      "just a line\nand another\n\nand a last\n");
	shows("Subject: x\r\nno empty line\r\n", &PLAIN, "no empty line\n");
	shows("From x Mon Nov 30 10:00:00 2026\r\nSubject: x\r\n\r\ntext\r\n",
	      &PLAIN, "text\n");
}

#define ALTERNATIVE(text, html)                   \
	TYPE("multipart/alternative; boundary=b") \
	"\r\n--b\r\n" text "\r\n--b\r\n" html "\r\n--b--\r\n"
#define HTML TYPE("text/html; charset=utf-8") "\r\n<p>visible</p>"
#define RELATED                                                             \
	TYPE("multipart/related; boundary=c")                               \
	"\r\n--c\r\n" HTML "\r\n--c\r\n" TYPE("image/png") "\r\nx\r\n--c--" \
							   "\r\n"

static void
an_empty_alternative_is_none(void **state)
{
	static const struct mime_render_options html = { .prefer_html = true,
							 .no_attachments =
							     true };
	static const struct mime_render_options plain = { .no_attachments =
							      true };

	(void)state;
	shows(ALTERNATIVE("\r\n", HTML), &plain, "visible\n");
	shows(ALTERNATIVE(TYPE("text/plain") "\r\n", HTML), &plain,
	      "visible\n");
	shows(ALTERNATIVE("\r\n \r\n\t\r\n", HTML), &plain, "visible\n");
	shows(ALTERNATIVE(TYPE("text/plain; charset=utf-8") "\r\n\xC2\xA0\r\n"
							    "\xE2\x80\x8B\xEF"
							    "\xBB\xBF",
			  HTML),
	      &plain, "visible\n");
	shows(ALTERNATIVE(TYPE("text/plain; charset=iso-8859-1") "\r\n\xA0",
			  HTML),
	      &plain, "visible\n");
	shows(ALTERNATIVE(TYPE("text/plain") CTE("quoted-printable") "\r\n"
								     "=20=0A",
			  HTML),
	      &plain, "visible\n");
	shows(ALTERNATIVE(TYPE("text/plain") CTE("base64") "\r\nIA==", HTML),
	      &plain, "visible\n");
	shows(ALTERNATIVE("\r\n", RELATED), &plain, "visible\n");
	shows(ALTERNATIVE(HTML, TYPE("text/plain") "\r\n "), &plain,
	      "visible\n");
	shows(ALTERNATIVE(HTML, TYPE("text/x-other") "\r\nother"), &plain,
	      "visible\n");
	/* a text inside a multipart is a text */
	shows(ALTERNATIVE(TYPE("multipart/mixed; boundary=c") "\r\n--c\r\n\r\n"
							      "text\r\n--c--",
			  HTML),
	      &plain, "text\n");
	/* one with text is still what is shown, unless asked otherwise */
	shows(ALTERNATIVE("\r\ntext", HTML), &plain, "text\n");
	shows(ALTERNATIVE("\r\ntext", HTML), &html, "visible\n");
	shows(ALTERNATIVE("\r\ntext", RELATED), &html, "visible\n");
	/* HTML of pictures alone, when HTML is asked for */
	shows(ALTERNATIVE("\r\ntext", TYPE("text/html") "\r\n<img src=x>"),
	      &html, "text\n");
	/* text beside the alternatives stays, whatever is preferred */
	shows(TYPE("multipart/mixed; boundary=m") "\r\n--m\r\n" ALTERNATIVE(
		  "\r\ntext", HTML) "\r\n--m\r\n\r\nfooter\r\n--m--\r\n",
	      &html, "visible\n\nfooter\n");
}

static void
an_empty_screen_has_a_word(void **state)
{
	(void)state;
	shows(TYPE("text/plain") CTE("quoted-printable") "\r\n=20\r\n", &PLAIN,
	      " \n" NO_TEXT "=20\n");
	shows(TYPE("multipart/mixed; boundary=b") "\r\n--b\r\n\r\n\r\n--b--",
	      &PLAIN, NO_TEXT "--b\n\n\n--b--\n");
	shows(TYPE("multipart/mixed; boundary=b") "\r\npreamble\r\n--b\r\n"
						  "\r\n--b--\r\nepilogue",
	      &PLAIN, NO_TEXT "preamble\n--b\n\n--b--\nepilogue\n");
	shows(TYPE("multipart/mixed; boundary=b") "\r\n--b\r\nHello: you\r\n"
						  "--b--\r\n",
	      &PLAIN, NO_TEXT "--b\nHello: you\n--b--\n");
	/* blanks that are none of ASCII's: they came as they are shown */
	shows(TYPE("text/plain; charset=utf-8") "\r\n\xE2\x80\x8B\r\n", &PLAIN,
	      "\xE2\x80\x8B\n[this message holds no text that can be seen]\n");
	/* nothing at all is nothing */
	shows("Subject: x\r\n\r\n", &PLAIN, "");
	shows("Subject: x\r\n\r\n\r\n", &PLAIN, "\n");
	/* and attachments are something */
	shows(TYPE("image/png") "\r\nx", &PLAIN,
	      "\n[1] part-1.png image/png 1 B\n");
}

static void
reads_part(const char *text, const char *want)
{
	static const struct mime_render_options screen = { .never_empty =
							       true };
	struct mime *m = parse(text);
	struct buf out;
	struct err e;

	buf_init(&out, 1000);
	assert_int_equal(mime_part_text(m, 1, &screen, &out, &e), 0);
	assert_span(buf_span(&out), want);
	buf_free(&out);
	mime_free(&m);
}

/* Where a person looks at the screen, the header alone is something. */
static void
a_person_never_sees_nothing(void **state)
{
	static const struct mime_render_options text = { .never_empty = true };
	static const struct mime_render_options header = {
		.headers = MIME_HEADERS_SHORT,
		.never_empty = true,
	};

	(void)state;
	shows("", &text, "[this message is empty]\n");
	shows("", &header, "\n[this message is empty]\n");
	shows("Subject: x\r\n\r\n", &text, "[this message has no text]\n");
	shows("Subject: x\r\n\r\n \r\n\r\n", &text,
	      " \n\n[this message has no text]\n");
	shows("Subject: x\r\n\r\n", &header, "Subject: x\n\n");
	shows("X-Other: x\r\n\r\n", &header, "\n[this message has no text]\n");
	shows("Subject: x\r\n\r\nword", &text, "word\n");
	reads_part("Subject: x\r\n\r\n", "[part 1 is empty]\n");
	reads_part("\r\n \r\n", " \n[part 1 holds no text that can be "
				"seen]\n");
	reads_part(TYPE("message/rfc822") "\r\n",
		   "\n[this message is empty]\n");
}

/* The line end before a delimiter belongs to it, and no more (RFC 2046 5.1.1).
 */
static void
a_part_is_saved_to_the_byte(void **state)
{
	static const char *const ends[] = { "\n", "\r\n" };
	static const char *const bodies[] = { "hello", "hello\r", "hello\n",
					      "\n",    "",        "a\r\n\r\n" };

	(void)state;
	for (size_t i = 0; i < 2; i++)
		for (size_t k = 0; k < sizeof(bodies) / sizeof(bodies[0]);
		     k++) {
			char text[200];
			if (i == 0 && strcmp(bodies[k], "hello\r") == 0)
				continue; /* a CR and a LF are one line end */
			(void)snprintf(
			    text, sizeof(text),
			    TYPE(
				"multipart/mixed; boundary=b") "\r\n"
							       "--b\r\n" TYPE(
								   "application"
								   "/x") "\r\n"
									 "%s%s-"
									 "-b--"
									 "\r\n",
			    bodies[k], ends[i]);
			struct mime *m = parse(text);
			saves(m, 1, span_of(bodies[k]));
			mime_free(&m);
		}
}

static void
a_digest_holds_messages(void **state)
{
	struct mime *m = parse(
	    TYPE("multipart/digest; boundary=b") "\r\n"
						 "--b\r\n\r\nSubject: "
						 "one\r\n\r\ntext\r\n"
						 "--b\r\nContent-Type: "
						 "text\r\n\r\ntext\r\n"
						 "--b\r\nContent-Type: "
						 "message/rfc822\r\n"
						 "Content-Transfer-Encoding: "
						 "base64\r\n\r\n"
						 "U3ViamVjdDogdGhyZWUKCnRleHQK"
						 "\r\n--b--\r\n");
	struct buf out;
	struct err e;

	(void)state;
	buf_init(&out, 1000);
	assert_int_equal(mime_part_count(m), 3);
	assert_string_equal(mime_part_at(m, 0)->type, "message/rfc822");
	assert_string_equal(mime_part_at(m, 1)->type, "text/plain");
	assert_int_equal(mime_part_text(m, 1, &PLAIN, &out, &e), 0);
	assert_span(buf_span(&out), "Subject: one\n\ntext\n");
	buf_clear(&out);
	assert_int_equal(mime_part_text(m, 3, &PLAIN, &out, &e), 0);
	assert_span(buf_span(&out), "Subject: three\n\ntext\n");
	/* byte for byte */
	saves(m, 1, span_of("Subject: one\r\n\r\ntext"));
	buf_free(&out);
	mime_free(&m);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_invalid_type_is_plain_text),
		cmocka_unit_test(a_multipart_without_parts_is_shown),
		cmocka_unit_test(boundaries_as_senders_write_them),
		cmocka_unit_test(a_part_may_lack_its_header),
		cmocka_unit_test(an_empty_alternative_is_none),
		cmocka_unit_test(an_empty_screen_has_a_word),
		cmocka_unit_test(a_person_never_sees_nothing),
		cmocka_unit_test(a_part_is_saved_to_the_byte),
		cmocka_unit_test(a_digest_holds_messages),
	};

	return cmocka_run_group_tests_name("shell/mime_tree", tests,
					   mime_test_start, mime_test_stop);
}
