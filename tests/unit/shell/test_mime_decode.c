#include "mime_test.h"

/*
 * Transfer encodings as real senders spoil them: whatever octet is there is
 * shown and saved.
 */

/* `body` under this Content-Transfer-Encoding is saved as `want`, as a file and
 * as a text, alone and as a part. */
static void
decodes_to(const char *type, const char *cte, const char *body,
	   struct span want)
{
	struct buf text;
	struct mime *m;

	buf_init(&text, 1 << 20);
	(void)buf_addf(&text,
		       "Content-Type: %s\r\nContent-Transfer-Encoding: %s\r\n"
		       "\r\n%s",
		       type, cte, body);
	m = parse_bytes(buf_span(&text));
	saves(m, 1, want);
	mime_free(&m);
	buf_clear(&text);
	(void)buf_addf(&text,
		       "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
		       "--b\r\nContent-Type: %s\r\n"
		       "Content-Transfer-Encoding: %s\r\n\r\n%s\r\n--b--\r\n",
		       type, cte, body);
	m = parse_bytes(buf_span(&text));
	assert_int_equal(mime_part_count(m), 1);
	saves(m, 1, want);
	mime_free(&m);
	buf_free(&text);
}

static void
decodes(const char *cte, const char *body, const char *want)
{
	decodes_to("application/octet-stream", cte, body, span_of(want));
	decodes_to("text/plain", cte, body, span_of(want));
}

static void
base64_is_decoded_to_the_last_octet(void **state)
{
	static const char *const cases[][2] = {
		{ "aGVsbG8=", "hello" },
		{ "aGVsbG8=\r\n", "hello" },
		/* no padding, too much, at the wrong place */
		{ "aGVsbG8", "hello" },
		{ "aGVsbG8\r\n", "hello" },
		{ "aGVsbA", "hell" },
		{ "aGVsbG8==", "hello" },
		{ "aGVsbG8====", "hello" },
		{ "aGVsbG8gd29=ybGQ=", "hello world" },
		{ "aG=VsbG8=", "hello" },
		{ "aGV=sbG8=", "hello" },
		{ "aGVs=bG8=", "hello" },
		{ "=aGVsbG8=", "hello" },
		{ "a=GVsbG8=", "hello" },
		/* blocks that were encoded for themselves */
		{ "aGVsbG8=d29ybGQ=", "helloworld" },
		{ "aGVsbG8=\r\nd29ybGQ=\r\n", "helloworld" },
		{ "aA==\r\naQ==\r\nag==", "hij" },
		{ "aGVsbG8\r\n=\r\nd29ybGQ", "helloworld" },
		/* blanks, line ends and bytes that do not belong there */
		{ "a G V s b G 8 =", "hello" },
		{ "aGVs\rbG8=\n\n", "hello" },
		{ "aGVs*bG8=", "hello" },
		{ "aGV*sb!G8=", "hello" },
		{ "\xEF\xBB\xBF"
		  "aGVsbG8gd29ybGQsIGhlbGxvIHdvcmxk",
		  "hello world, hello world" },
		{ ">aGVsbG8gd29ybGQs\r\n>IGhlbGxv", "hello world, hello" },
		/* the alphabet of URLs */
		{ "-_-_", "\xFB\xFF\xBF" },
		{ "aGVsbG8-aGVsbG8_", "hello>hello?" },
		{ "aGVsbG8+aGVsbG8/", "hello>hello?" },
		{ "aGVs-bG8+", "hello>" },
		{ "", "" },
		{ "\r\n\r\n", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		decodes("base64", cases[i][0], cases[i][1]);
		decodes("BASE64", cases[i][0], cases[i][1]);
	}
}

static void
what_is_no_base64_is_given_as_it_is(void **state)
{
	static const char footer[] = "_______________________\r\n"
				     "The list of lists\r\n"
				     "http://lists.example/lists\r\n";
	char text[400], want[400];

	(void)state;
	/* never encoded */
	decodes("base64", "Hello, this is plain text.\r\nReally!\r\n",
		"Hello, this is plain text.\r\nReally!\r\n");
	decodes("base64", "!!!!", "!!!!");
	decodes("base64", "Hello", "Hello");
	decodes_to("image/png", "base64", "\x89PNG\r\n\x1a\n\xFF\xFE\xFD\x01",
		   span_of("\x89PNG\r\n\x1a\n\xFF\xFE\xFD\x01"));
	/* the footer of a mailing list, behind padding and without */
	for (unsigned i = 0; i < 2; i++) {
		(void)snprintf(text, sizeof(text), "%s\r\n%s",
			       i == 0 ? "aGVsbG8K" : "aGVsbG8hCg==", footer);
		(void)snprintf(want, sizeof(want), "%s%s",
			       i == 0 ? "hello\n" : "hello!\n", footer);
		decodes("base64", text, want);
	}
	decodes("base64", "aGVsbG8=This is text behind it.\r\n",
		"helloThis is text behind it.\r\n");
	decodes("base64", "aGVsbG8=\r\n--boundary-like",
		"hello\r\n--boundary-like");
	decodes("base64", "aGVsbG8K\r\n-- \r\nJoe\r\n",
		"hello\n-- \r\nJoe\r\n");
	shows(TYPE("text/plain") CTE("8bit") CTE("base64") "\r\naGVsbG8=",
	      &PLAIN, "hello\n");
	shows(TYPE("text/plain") CTE("base64") "\r\naGVsbG8=\r\n--\r\n"
					       "Sent by my list server\r\n",
	      &PLAIN, "hello\n--\nSent by my list server\n");
}

static void
quoted_printable_loses_nothing(void **state)
{
	static const char *const cases[][2] = {
		{ "caf=C3=A9", "caf\xC3\xA9" },
		{ "caf=c3=a9", "caf\xC3\xA9" },
		{ "a = b", "a = b" },
		{ "a=b", "a=b" },
		{ "=XY =4 =4X =G4", "=XY =4 =4X =G4" },
		{ "==3D", "==" },
		{ "===", "==" },
		{ "x=4", "x=4" },
		{ "so=\r\nft", "soft" },
		{ "so=\nft", "soft" },
		{ "so= \t\r\nft", "soft" },
		{ "so=\r\r\nft", "soft" },
		{ "soft=\r\n", "soft" },
		{ "a=3D\r\nb", "a=\r\nb" },
		/* RFC 2045 6.7 (3): blanks at the end were added */
		{ "a \t \r\nb  ", "a\r\nb" },
		{ "a=20\r\nb=09", "a \r\nb\t" },
		{ "raw \xC3\xA9 bytes", "raw \xC3\xA9 bytes" },
		{ "a_b", "a_b" },
		{ "=0D=0A", "\r\n" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		decodes("quoted-printable", cases[i][0], cases[i][1]);
	decodes_to("application/octet-stream", "quoted-printable", "a=00b",
		   span_make("a\0b", 3));
}

static void
uuencode_loses_nothing(void **state)
{
	static const char *const cases[][2] = {
		{ "begin 644 a.txt\r\n%:&5L;&\\\r\n`\r\nend\r\n", "hello" },
		{ "begin 644 a.txt\n%:&5L;&\\ \n \nend\n", "hello" },
		{ "begin 0100644 a b.txt\n%:&5L;&\\\n\nend\n", "hello" },
		/* no mode, no name, no end, no begin */
		{ "begin\n%:&5L;&\\\nend\n", "hello" },
		{ "begin 644 a.txt\n%:&5L;&\\\n", "hello" },
		{ "begin 644 a.txt\n%:&5L;&\\", "hello" },
		{ "%:&5L;&\\ \nend\n", "hello" },
		{ "\n\nBEGIN 644 a.txt\n%:&5L;&\\\nEND\n", "hello" },
		/* blanks at the end cut off: zero bytes; a check letter */
		{ "begin 644 a\n%86$@(\"\n`\nend\n", "aa  \x20" },
		{ "begin 644 a\n%:&5L;&\\`X\n`\nend\n", "hello" },
		/* two files, and text around */
		{ "begin 644 a\n%:&5L;&\\\n`\nend\nbegin 644 b\n"
		  "%=V]R;&0\n`\nend\n",
		  "helloworld" },
		{ "some words\nbegin 644 a\n%:&5L;&\\\n`\nend\nmore words\n",
		  "some words\nhellomore words\n" },
		{ "beginners' words\nending\n", "beginners' words\nending\n" },
		{ "just words\nof a person\n", "just words\nof a person\n" },
		{ "begin-base64 644 a\naGVsbG8=\n====\n", "hello" },
		{ "begin-base64 644 a\naGVsbG8=\n", "hello" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		decodes("x-uuencode", cases[i][0], cases[i][1]);
		decodes("uuencode", cases[i][0], cases[i][1]);
		decodes("x-uue", cases[i][0], cases[i][1]);
		decodes_to("text/x-uuencode", "7bit", cases[i][0],
			   span_of(cases[i][1]));
		decodes_to("application/x-uuencode", "8bit", cases[i][0],
			   span_of(cases[i][1]));
	}
	/* the encoding of the type under that of the mail */
	decodes_to("text/x-uuencode", "quoted-printable",
		   "begin 644 a\r\n%:&5L;&=5C\r\n`\r\nend\r\n",
		   span_of("hello"));
	struct mime *m =
	    parse(TYPE("text/x-uuencode") "\r\nbegin 644 ../my plan.txt\r\n"
					  "%:&5L;&\\\r\n`\r\nend\r\n");
	assert_string_equal(mime_part_at(m, 0)->name, "my plan.txt");
	assert_true(mime_part_at(m, 0)->is_attachment);
	mime_free(&m);
}

static void
the_encoding_has_noise_around_its_name(void **state)
{
	static const char *const base64[] = {
		"base64",          "Base64",
		" base64 ",        "\"base64\"",
		"base64;",         "base64 (a comment)",
		"(comment)base64", "base64; charset=utf-8",
		"'base64'",        "base-64",
		"x-base64",        "<base64>",
		"base64,",         "base64\r\n (folded)",
	};
	static const char *const quoted[] = {
		"quoted-printable",         "Quoted-Printable;",
		"\"quoted-printable\"",     "quoted-printable (x)",
		"quoted_printable",         "quotedprintable",
		"quoted-printable charset", "quoted printable",
	};
	static const char *const plain[] = {
		"7bit",  "8bit",      "binary",    "7-bit",         "8-bit",
		"8BIT;", "unencoded", "x-foreign", "utf-8",         "",
		";",     "(none)",    "none",      "7bit (base64)",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(base64) / sizeof(base64[0]); i++)
		decodes(base64[i], "aGVsbG8=", "hello");
	for (size_t i = 0; i < sizeof(quoted) / sizeof(quoted[0]); i++)
		decodes(quoted[i], "h=65llo", "hello");
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		decodes(plain[i], "h=65llo aGVsbG8=", "h=65llo aGVsbG8=");
}

/* Footers are looked for a bounded number of times. */
static void
a_flood_of_lines_takes_no_time(void **state)
{
	struct buf text;
	struct mime *m;

	(void)state;
	buf_init(&text, 16 << 20);
	(void)buf_add_str(&text,
			  TYPE("application/x") CTE("base64") "\r\n"
							      "aGVsbG8h\r\n");
	for (unsigned i = 0; i < 200000; i++)
		(void)buf_add_str(&text,
				  "a b c d e f\r\nAAAAAAAAAAAAAAAAAAAAAA"
				  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n");
	m = parse_bytes(buf_span(&text));
	assert_true(mime_part_at(m, 0)->size > 1000000);
	mime_free(&m);
	buf_free(&text);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(base64_is_decoded_to_the_last_octet),
		cmocka_unit_test(what_is_no_base64_is_given_as_it_is),
		cmocka_unit_test(quoted_printable_loses_nothing),
		cmocka_unit_test(uuencode_loses_nothing),
		cmocka_unit_test(the_encoding_has_noise_around_its_name),
		cmocka_unit_test(a_flood_of_lines_takes_no_time),
	};

	return cmocka_run_group_tests_name("shell/mime_decode", tests,
					   mime_test_start, mime_test_stop);
}
