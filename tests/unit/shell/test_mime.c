#include "mime_test.h"

#include <sys/stat.h>

static const struct mime_render_options SHORT = {
	.headers = MIME_HEADERS_SHORT,
};

/* ---- reading ---------------------------------------------------------------
 */

static void
a_plain_message_reads_as_it_was_written(void **state)
{
	(void)state;
	shows("From: sender@abc.com\r\nTo: receiver@xyz.com\r\n\r\n"
	      "message body\r\n",
	      &SHORT,
	      "From: sender@abc.com\nTo: receiver@xyz.com\n\nmessage body\n");
}

static void
fields_come_in_the_reader_s_order(void **state)
{
	static const struct mime_render_options minimal = {
		.headers = MIME_HEADERS_MINIMAL,
	};
	static const char text[] =
	    "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nX-Other: 1\r\n"
	    "To: Team: a@x.com,\r\n b@x.com;\r\n"
	    "From: =?iso-8859-1?q?J=F6rg_M?= <j@x.com>\r\n\r\nhi";

	(void)state;
	shows(text, &SHORT,
	      "From: Jörg M <j@x.com>\nTo: a@x.com, b@x.com\n"
	      "Subject: Grüße\n\nhi\n");
	shows(text, &minimal,
	      "From: Jörg M <j@x.com>\nTo: a@x.com, b@x.com\n\nhi\n");
}

static void
transfer_encodings_and_charsets_are_undone(void **state)
{
	(void)state;
	shows(TYPE("text/plain; charset=iso-8859-1")
		  CTE("quoted-printable") "\r\ncaf=E9 =\r\nau lait\r\n",
	      &PLAIN, "café au lait\n");
	shows(TYPE("text/plain; charset=\"utf-8\"")
		  CTE("base64") "\r\n5pel5pys\r\n",
	      &PLAIN, "日本\n");
	shows(TYPE("text/plain; charset=koi8-r") CTE("8bit") "\r\n\xF0\xD2\r\n",
	      &PLAIN, "Пр\n");
	/* a charset nobody knows, and none at all */
	shows(TYPE("text/plain; charset=x-klingon") "\r\ncaf\xE9\r\n", &PLAIN,
	      "café\n");
	shows("Subject: x\r\n\r\ncaf\xC3\xA9\r\n", &PLAIN, "café\n");
	/* broken UTF-8 stays visible */
	shows(TYPE("text/plain; charset=utf-8") "\r\na\xFFz\r\n", &PLAIN,
	      "a\xEF\xBF\xBDz\n");
}

static void
a_message_cannot_send_terminal_escapes(void **state)
{
	(void)state;
	shows("From: \"a\033[2J\" <a@x.com>\r\n"
	      "Subject: =?utf-8?q?=1B]0;x=07=C2=9B1m?=\r\n\r\n"
	      "\033[31mred\a\r\n",
	      &SHORT,
	      "From: \"a^[[2J\" <a@x.com>\nSubject: ^[]0;x^G\xEF\xBF\xBD"
	      "1m\n\n^[[31mred^G\n");
	shows(TYPE("text/plain; charset=utf-8") CTE("base64") "\r\nG1szMW0=",
	      &PLAIN, "^[[31m\n");
	shows(TYPE("text/html; charset=utf-8") "\r\n&#27;[2J&#x9b;2J", &PLAIN,
	      "^[[2J\xEF\xBF\xBD"
	      "2J\n");
	/* an encoded line end adds no field */
	shows("From: a@x.com\r\nSubject: =?utf-8?q?a=0D=0ATo:_b@x.com?=\r\n"
	      "\r\n",
	      &SHORT, "From: a@x.com\nSubject: a To: b@x.com\n\n");
}

static void
a_disguised_author_shows_the_real_address(void **state)
{
	(void)state;
	shows("From: =?utf-8?q?boss=40bank.com_=3Cboss=40bank.com=3E?= "
	      "<evil@x.com>\r\n\r\n",
	      &SHORT,
	      "From: \"boss@bank.com <boss@bank.com>\" <evil@x.com>\n\n");
}

static const char ALTERNATIVE[] =
    "MIME-Version: 1.0\r\n"
    "Content-Type: multipart/mixed; boundary=m\r\n\r\n"
    "--m\r\n"
    "Content-Type: multipart/alternative; boundary=a\r\n\r\n"
    "--a\r\nContent-Type: text/plain\r\n\r\nplain text\r\n"
    "--a\r\nContent-Type: text/html\r\n\r\n<p>fine <b>text</b></p>\r\n"
    "--a--\r\n"
    "--m\r\n"
    "Content-Type: application/pdf; name=\"plan.pdf\"\r\n"
    "Content-Disposition: attachment; filename=\"plan.pdf\"\r\n"
    "Content-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n"
    "--m--\r\n";

static void
of_the_alternatives_one_is_shown(void **state)
{
	static const struct mime_render_options html = {
		.prefer_html = true,
	};

	(void)state;
	shows(ALTERNATIVE, &PLAIN,
	      "plain text\n\n[3] plan.pdf application/pdf 5 B\n");
	shows(ALTERNATIVE, &html,
	      "fine text\n\n[3] plan.pdf application/pdf 5 B\n");
}

static void
parts_are_listed_and_saved(void **state)
{
	struct mime *m = parse(ALTERNATIVE);
	char path[] = "/tmp/mime-part-XXXXXX", bytes[16];
	uint64_t n;
	struct buf text;
	struct err e;

	(void)state;
	assert_int_equal(mime_part_count(m), 3);
	assert_true(mime_has_attachment(m));
	assert_string_equal(mime_part_at(m, 1)->type, "text/html");
	assert_false(mime_part_at(m, 1)->is_attachment);
	assert_string_equal(mime_part_at(m, 2)->name, "plan.pdf");
	assert_int_equal(mime_part_at(m, 2)->size, 5);
	assert_null(mime_part_at(m, 3));

	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(mime_part_save(m, 3, fd, &n, &e), 0);
	assert_int_equal(n, 5);
	assert_int_equal(pread(fd, bytes, sizeof(bytes), 0), 5);
	assert_memory_equal(bytes, "hello", 5);
	assert_int_equal(mime_part_save(m, 4, fd, &n, &e), -1);
	assert_int_equal(e.class, ERR_PERM);
	assert_int_equal(close(fd), 0);
	assert_int_equal(unlink(path), 0);

	buf_init(&text, 1000);
	assert_int_equal(mime_part_text(m, 2, &PLAIN, &text, &e), 0);
	assert_span(buf_span(&text), "fine text\n");
	buf_free(&text);
	mime_free(&m);
}

static void
names_of_files_are_safe(void **state)
{
	static const char *const names[][2] = {
		{ "\"../../etc/passwd\"", "passwd" },
		{ "\"C:\\\\x\\\\y.txt\"", "y.txt" },
		{ "\".bashrc\"", "bashrc" },
		{ "\"-rf\"", "rf" },
		{ "\"a\033[2Jb\"", "a^[[2Jb" },
		{ "\"/\"", "" },
		{ "\"..\"", "" },
		{ "\"=?utf-8?q?r=C3=A9.pdf?=\"", "ré.pdf" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char text[256], name[MIME_NAME_SIZE];
		(void)snprintf(text, sizeof(text),
			       "Content-Type: application/x\r\n"
			       "Content-Disposition: attachment; filename=%s"
			       "\r\n\r\nx",
			       names[i][0]);
		struct mime *m = parse(text);
		assert_string_equal(mime_part_at(m, 0)->name, names[i][1]);
		mime_part_file_name(mime_part_at(m, 0), name);
		assert_string_equal(name, names[i][1][0] == '\0' ? "part-1.bin"
								 : names[i][1]);
		mime_free(&m);
	}
}

static void
rfc_2231_names_are_decoded_and_cut(void **state)
{
	struct mime *m = parse(
	    "Content-Type: text/plain\r\nContent-Disposition: attachment;\r\n"
	    " filename*0*=utf-8''%e6%97%a5;\r\n filename*1=\".txt\"\r\n\r\nx");
	char text[700] = "Content-Type: a/b; name=\"";

	(void)state;
	assert_string_equal(mime_part_at(m, 0)->name, "日.txt");
	mime_free(&m);

	size_t n = strlen(text);
	(void)memset(text + n, 'n', 500);
	(void)snprintf(text + n + 500, 100, ".pdf\"\r\n\r\n");
	m = parse(text);
	const char *name = mime_part_at(m, 0)->name;
	assert_int_equal(strlen(name), MIME_NAME_SIZE - 1);
	assert_string_equal(name + strlen(name) - 5, "n.pdf");
	mime_free(&m);
}

static void
flowed_text_is_rejoined(void **state)
{
	static const struct mime_render_options wide = { .width = 40 };
	static const char text[] = TYPE(
	    "text/plain; format=flowed") "\r\nThis is one \r\nparagraph that "
					 "is \r\nlonger than a line.\r\n"
					 " From stuffed\r\n>> quoted \r\n>> "
					 "text\r\n-- \r\nme\r\n";

	(void)state;
	shows(text, &wide,
	      "This is one paragraph that is longer\nthan a line.\n"
	      "From stuffed\n>> quoted text\n-- \nme\n");
	shows(text, &PLAIN,
	      "This is one\nparagraph that is\nlonger than a line.\n"
	      "From stuffed\n>> quoted\n>> text\n-- \nme\n");
	shows(TYPE("text/plain; format=flowed; delsp=yes") "\r\nab \r\ncd\r\n",
	      &wide, "abcd\n");
}

static void
html_becomes_text(void **state)
{
	(void)state;
	shows(TYPE("text/html; charset=utf-8") "\r\n<html><head><title>no</"
					       "title><style>p{}</style></head>"
					       "<body><!-- <p>hidden</p> "
					       "--><h1>Head</h1><p>one &amp; "
					       "two<br>three &lt;x&gt; "
					       "&#8364;</p><ul><li>a<li>b</ul>"
					       "<a "
					       "href=\"http://x.com/y\">here</"
					       "a><script>if (a<b) x()"
					       "</script></body></html>",
	      &PLAIN,
	      "Head\n\none & two\nthree <x> €\n\n* a\n* b\n\n"
	      "here <http://x.com/y>\n");
	shows(TYPE("text/html") "\r\na&amp b&;&#;&#x110000;", &PLAIN,
	      "a&amp b&;\xEF\xBF\xBD\xEF\xBF\xBD\n");
}

static void
reads_html(const char *html, const char *want)
{
	char text[2048];

	(void)snprintf(text, sizeof(text),
		       TYPE("text/html; charset=utf-8") "\r\n%s", html);
	shows(text, &PLAIN, want);
}

/* A browser takes what is never closed to the end of the document. */
static void
what_is_never_closed_hides_nothing(void **state)
{
	(void)state;
	reads_html("a<b", "a<b\n");
	reads_html("if a<b then c & d", "if a<b then c & d\n");
	reads_html("a <!-- b <b>c</b>", "a b c\n");
	reads_html("a<!-- b <!-- c <!-- d", "a b c d\n");
	reads_html("a<style>p {} <p>b", "ap {}\n\nb\n");
	reads_html("a<script>x()<p>b<style>c", "ax()\n\nbc\n");
	reads_html("<title>a<p>b", "a\n\nb\n");
	reads_html("<head>a<p>b", "a\n\nb\n");
	reads_html("a</b", "a</b\n");
	/* ... before the next tag: a quote */
	reads_html("<a href=\"http://x>b</a> <b class=\"c\">d</b>",
		   "b <http://x> d\n");
	reads_html("<img alt='a>b", "[a]b\n");
	/* but a body ends a head that is not closed, and what is in it */
	reads_html("<head><style>p{}<body>a", "a\n");
	reads_html("<style>x</STYLE >a<script>y</script\n>b<title>c</title>d",
		   "abd\n");
	/* in a style <!-- is no comment */
	reads_html("<style><!-- p{} </style>a<!-- b -->c", "ac\n");
}

static void
comments_end_as_in_a_browser(void **state)
{
	(void)state;
	reads_html("a<!-->b", "ab\n");
	reads_html("a<!--->b", "ab\n");
	reads_html("a<!-- x --!>b-->c", "ab-->c\n");
	reads_html("a<!--!>x-->b", "ab\n");
	reads_html("a<!-- > -- > -->b", "ab\n");
	reads_html("a<!DOCTYPE x>b<?xml y?>c<![if !mso]>d<![endif]>e",
		   "abcde\n");
}

static void
pictures_have_their_text(void **state)
{
	(void)state;
	reads_html("<img src=x alt=\"Fish &amp; chips\"> for two",
		   "[Fish & chips] for two\n");
	reads_html("a <IMG ALT = 'b\n  c' src=x/>d", "a [b c]d\n");
	reads_html("<img\r\nalt=one>", "[one]\n");
	reads_html("<img alt=\"a > b\">c", "[a > b]c\n");
	reads_html("<img title='x alt=y' alt=z/>", "[z/]\n");
	reads_html("<a href=\"http://x.com/?a=1&amp;b=2\"><img alt=Shop></a>",
		   "[Shop] <http://x.com/?a=1&b=2>\n");
	reads_html("<a href='http://x.com/?a&amp;b'>http://x.com/?a&amp;b</a>",
		   "http://x.com/?a&b\n");
	reads_html("<a href=http://x.com>b </a>c", "b <http://x.com> c\n");
	reads_html("<pre>a\n<img alt='b\nc'>\nd</pre>", "a\n[b c]\nd\n");
	reads_html("<map><area alt=North></map><input type=image alt=Go>",
		   "[North][Go]\n");
	/* none, and blank */
	reads_html("a<img src=x><img alt=''><img alt><img alt='&nbsp; '>b",
		   "ab\n");
	reads_html("<img alt='&nbsp;'>", "[this HTML holds no text]\n");
}

/* Each of these took time with the square of its length. */
static void
html_is_read_in_linear_time(void **state)
{
	static const char *const heaps[] = {
		"<a",
		"<!--",
		"<a b=\">\" ",
		"<style>",
		"<style><body>",
		"<a b=\"",
		"<a b=\">\"<",
		"<img alt='>",
		"<!-- --",
		"<title></titl",
		"&",
	};
	struct buf text, out;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(heaps) / sizeof(heaps[0]); i++) {
		buf_init(&text, 20 << 20);
		buf_init(&out, 20 << 20);
		(void)buf_add_str(&text, TYPE("text/html") "\r\n");
		while (text.n < 4 << 20)
			(void)buf_add_str(&text, heaps[i]);
		struct mime *m = parse_bytes(buf_span(&text));
		assert_int_equal(mime_render(m, &PLAIN, &out, &e), 0);
		mime_free(&m);
		buf_free(&text);
		buf_free(&out);
	}
}

/* Where the header does not name a charset, the HTML may. */
static void
html_names_its_charset(void **state)
{
	(void)state;
	shows(TYPE("text/html") "\r\n<meta charset=\"windows-1251\">\xCF\xF0",
	      &PLAIN, "Пр\n");
	shows(TYPE("text/html") "\r\n<META http-equiv='Content-Type' content='"
				"text/html; charset=koi8-r'/>\xF0\xD2",
	      &PLAIN, "Пр\n");
	shows(TYPE("text/html; charset=koi8-r") "\r\n<meta charset=cp1251>"
						"\xF0\xD2",
	      &PLAIN, "Пр\n");
	shows(TYPE("text/html") "\r\n<meta charset=cp1251>caf\xC3\xA9", &PLAIN,
	      "café\n");
	shows(TYPE("text/html") "\r\n<meta charset=>caf\xE9", &PLAIN, "café\n");
	shows(TYPE("text/html") "\r\ncaf\xE9 charset=", &PLAIN,
	      "café charset=\n");
}

/* `html` reads as `want` with a program in w3m's place. */
static void
shows_by(const char *script, const char *html, const char *want)
{
	static const struct mime_render_options wide = { .width = 60 };
	char dir[] = "/tmp/mime-bin-XXXXXX", file[64], path[128];

	assert_non_null(mkdtemp(dir));
	(void)snprintf(file, sizeof(file), "%s/w3m", dir);
	(void)snprintf(path, sizeof(path), "%s:/usr/bin:/bin", dir);
	FILE *f = fopen(file, "w");
	assert_non_null(f);
	(void)fprintf(f, "#!/bin/sh\n%s\n", script);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(file, 0700), 0);
	assert_int_equal(setenv("PATH", path, 1), 0);
	shows(html, &wide, want);
	assert_int_equal(setenv("PATH", "", 1), 0);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(rmdir(dir), 0);
}

/* A w3m of our own says how it was called. */
static void
html_goes_through_w3m_where_it_is(void **state)
{
	(void)state;
	shows_by("shift 7; echo \"$1 $2\"\ncat; printf '\\033[1m'",
		 TYPE("text/html") "\r\n<p>hello", "-cols 60\n<p>hello^[[1m\n");
	/* and the text of the alternatives needs none */
	shows(ALTERNATIVE, &PLAIN,
	      "plain text\n\n[3] plan.pdf application/pdf 5 B\n");
}

#define GAVE_UP "[w3m gave up on this HTML; its text alone:]\n"

static void
a_w3m_that_fails_leaves_the_text(void **state)
{
	static const char html[] = TYPE("text/html") "\r\n<p>hello</p>";

	(void)state;
	shows_by("cat >/dev/null; exit 1", html, GAVE_UP "hello\n");
	shows_by("echo half; kill -9 $$", html, GAVE_UP "hello\n");
	shows_by("exit 0", html, "hello\n"); /* it had nothing to say */
	shows_by("cat >/dev/null; echo ' '", html, "hello\n");
	/* one that cannot be run at all */
	shows_by("exec /nowhere/at/all", html, GAVE_UP "hello\n");
}

/* A mail that is dear to lay out must not take the machine. */
static void
w3m_has_limits_of_memory_and_time(void **state)
{
	static const char html[] = TYPE("text/html") "\r\n<p>hello</p>";

	(void)state;
	shows_by("cat >/dev/null\n"
		 "m=$(ulimit -v) t=$(ulimit -t) f=$(ulimit -f) c=$(ulimit -c)\n"
		 "for x in $m $t $f $c; do [ $x = unlimited ] && exit 1; done\n"
		 "[ $m -le 524288 ] && [ $t -le 5 ] && [ $c = 0 ] &&\n"
		 "echo bounded",
		 html, "bounded\n");
	/* it runs until the limit of time ends it */
	shows_by("while :; do :; done", html, GAVE_UP "hello\n");
}

static void
html_without_text_has_a_word(void **state)
{
	static const char html[] =
	    TYPE("text/html") "\r\n<html><img src=\"x.png\">&nbsp;</html>";

	(void)state;
	shows(html, &PLAIN, "[this HTML holds no text]\n");
	shows_by("cat >/dev/null", html, "[this HTML holds no text]\n");
	shows_by("exit 1", html, GAVE_UP "[this HTML holds no text]\n");
	/* a '<' that begins no tag is text */
	shows(TYPE("text/html") "\r\n<<< 1 < 2 <", &PLAIN, "<<< 1 < 2 <\n");
}

/* ---- hostile ---------------------------------------------------------------
 */

static void
what_is_too_deep_is_a_part(void **state)
{
	struct buf text, out;
	struct mime *m;
	struct err e;

	(void)state;
	buf_init(&text, 8 << 20);
	for (unsigned i = 0; i < 20000; i++)
		assert_int_equal(
		    buf_addf(&text,
			     "Content-Type: multipart/mixed; boundary=b%u\r\n"
			     "\r\n--b%u\r\n",
			     i, i),
		    0);
	m = parse_bytes(buf_span(&text));
	assert_int_equal(mime_over(m), MIME_OVER_DEPTH);
	assert_int_equal(mime_part_count(m), 1);
	const struct mime_part *p = mime_part_at(m, 0);
	assert_true(p->as_it_came && p->is_attachment);
	assert_string_equal(p->type, "message/rfc822");
	assert_true(p->size > text.n * 9 / 10 && p->size < text.n);
	buf_init(&out, 10000);
	assert_int_equal(mime_render(m, &PLAIN, &out, &e), 0);
	assert_true(span_starts_nocase(
	    buf_span(&out), span_of("[multiparts inside each other more")));
	/* and so on, step by step */
	buf_clear(&out);
	assert_int_equal(mime_part_text(m, 1, &PLAIN, &out, &e), 0);
	assert_true(span_starts_nocase(
	    buf_span(&out), span_of("\n[multiparts inside each other more")));
	buf_free(&out);
	mime_free(&m);

	buf_clear(&text);
	for (unsigned i = 0; i < 20000; i++)
		assert_int_equal(buf_add_str(&text,
					     "Content-Type: message/rfc822\r\n"
					     "\r\n"),
				 0);
	if (mime_parse(&m, buf_span(&text), &e) == 0)
		mime_free(&m);
	buf_free(&text);
}

/* GMime's parser of groups calls itself at each of these colons. */
static void
groups_inside_groups_take_no_stack(void **state)
{
	static const char *const before[] = {
		"From: ",
		"to:",
		"CC : \r\n ",
		"Content-Type: message/rfc822\r\n\r\nFrom: x:\r\n ",
	};
	struct mime_summary s;
	struct arena a;
	struct buf text;
	struct mime *m;
	struct err e;

	(void)state;
	buf_init(&text, 1 << 20);
	for (size_t k = 0; k < sizeof(before) / sizeof(before[0]); k++) {
		buf_clear(&text);
		(void)buf_add_str(&text, before[k]);
		for (unsigned i = 0; i < 120000; i++)
			(void)buf_add_str(&text, "a:");
		(void)buf_add_str(&text, "\r\n\r\nbody\r\n");
		arena_init(&a, 4 << 20);
		assert_int_equal(mime_summarise(buf_span(&text), &a, &s, &e),
				 0);
		arena_reset(&a);
		m = parse_bytes(buf_span(&text));
		buf_clear(&text);
		assert_int_equal(mime_render(m, &SHORT, &text, &e), 0);
		mime_free(&m);
	}
	buf_free(&text);
}

static void
parts_beyond_the_last_are_one(void **state)
{
	struct buf text, out;
	struct mime *m;
	struct err e;

	(void)state;
	buf_init(&text, 1 << 20);
	buf_init(&out, 1 << 20);
	for (unsigned more = 0; more < 3; more++) {
		buf_clear(&text);
		buf_clear(&out);
		(void)buf_add_str(
		    &text,
		    TYPE("multipart/mixed; boundary=a") "\r\n--a\r\n" TYPE(
			"multipart/alternative; boundary=b") "\r\n");
		for (unsigned i = 1; i <= MIME_PARTS_MAX + more; i++)
			(void)buf_addf(
			    &text, "--b\r\n" TYPE("text/x") "\r\np%u\r\n", i);
		(void)buf_add_str(&text, "--b--\r\n--a--\r\n");
		m = parse_bytes(buf_span(&text));
		assert_int_equal(mime_part_count(m), MIME_PARTS_MAX);
		const struct mime_part *p = mime_part_at(m, MIME_PARTS_MAX - 1);
		assert_int_equal(mime_over(m), more ? MIME_OVER_PARTS : 0);
		assert_int_equal(p->as_it_came, more > 0);
		assert_int_equal(mime_render(m, &PLAIN, &out, &e), 0);
		assert_int_equal(
		    memmem(out.p, out.n, "[more than 500 parts:", 21) != NULL,
		    more > 0);
		mime_free(&m);
		if (more == 0)
			continue;
		/* nothing of the rest is lost */
		FILE *f = tmpfile();
		assert_non_null(f);
		m = parse_bytes(buf_span(&text));
		assert_int_equal(
		    mime_part_save(m, MIME_PARTS_MAX, fileno(f), NULL, &e), 0);
		mime_free(&m);
		buf_clear(&out);
		assert_int_equal(buf_addf(&out, TYPE("text/x") "\r\np500\r\n"
							       "--b\r\n"),
				 0);
		char got[100];
		rewind(f);
		assert_true(fread(got, 1, out.n, f) == out.n);
		assert_memory_equal(got, out.p, out.n);
		assert_int_equal(fseek(f, -7, SEEK_END), 0);
		assert_true(fread(got, 1, 7, f) == 7);
		assert_memory_equal(got, "--a--\r\n", 7);
		(void)fclose(f);
	}
	buf_free(&text);
	buf_free(&out);
}

static void
odd_messages_are_shown_all_the_same(void **state)
{
	static const char nul[] = "From: a@x.com\r\n\r\na\0b";
	struct mime *m;
	struct buf out;
	struct err e;

	(void)state;
	shows("", &PLAIN, "");
	shows("\r\n", &PLAIN, "");
	shows("\r\njust a body", &PLAIN, "just a body\n");
	/* a boundary that never comes, comes wrong, or is not named */
	shows(TYPE("multipart/mixed; boundary=x") "\r\nno such line\r\n",
	      &PLAIN, "no such line\n");
	shows(TYPE("multipart/mixed; boundary=x") "\r\n--x\r\n\r\ncut off",
	      &PLAIN, "cut off\n");
	shows(TYPE("multipart/mixed; boundary=x") "\r\n--x--\r\n--x\r\n\r\na",
	      &PLAIN, "--x--\n--x\n\na\n");
	shows(TYPE("image/png") CTE("base64") "\r\n!!!!", &PLAIN,
	      "\n[1] part-1.png image/png 4 B\n");
	assert_int_equal(mime_parse(&m, span_make(nul, sizeof(nul) - 1), &e),
			 0);
	buf_init(&out, 1000);
	assert_int_equal(mime_render(m, &PLAIN, &out, &e), 0);
	assert_span(buf_span(&out), "a^@b\n");
	buf_free(&out);
	mime_free(&m);
}

static void
a_huge_header_is_read_to_its_bound(void **state)
{
	static const char *const before[] = {
		"", TYPE("multipart/mixed; boundary=b") "\r\n--b\r\n"
	};
	struct buf text, out;
	struct mime *m;
	struct err e;

	(void)state;
	buf_init(&text, 4 * MIME_HEADER_MAX);
	buf_init(&out, 4 * MIME_HEADER_MAX);
	for (unsigned k = 0; k < 4; k++) {
		buf_clear(&text);
		buf_clear(&out);
		(void)buf_add_str(&text, before[k / 2]);
		(void)buf_add_str(&text, "Subject: first\r\n");
		/* many fields, or one that is over the bound by itself */
		for (unsigned i = 0; text.n <= MIME_HEADER_MAX + 1000; i++)
			(void)buf_add_str(&text,
					  i > 0 && k % 2 != 0
					      ? " xxxxxxxxxxxxxxxx\r\n"
					      : "Content-Type: text/html\r\n");
		(void)buf_add_str(&text, "Cc: last@x.com\r\n\r\n<b>body\r\n");
		m = parse_bytes(buf_span(&text));
		assert_int_equal(mime_over(m), MIME_OVER_HEADER);
		assert_int_equal(mime_render(m, &SHORT, &out, &e), 0);
		(void)buf_add_char(&out, '\0');
		assert_non_null(strstr(out.p, "body\n"));
		assert_non_null(strstr(out.p, "[header of over 256 KiB"));
		assert_null(strstr(out.p, "last@x.com"));
		assert_int_equal(strstr(out.p, "Subject: first") != NULL,
				 k < 2);
		mime_free(&m);
	}
	buf_free(&text);
	buf_free(&out);
}

/* A name of 200 KB in another charset is longer in UTF-8. */
static void
a_huge_parameter_is_no_error(void **state)
{
	struct buf text;

	(void)state;
	buf_init(&text, 1 << 20);
	(void)buf_add_str(&text, "Content-Type: text/plain; name*=latin1''");
	for (unsigned i = 0; i < 200000; i++)
		(void)buf_add_char(&text, '\xE9');
	(void)buf_add_str(&text, "\r\n\r\nbody\r\n");
	struct mime *m = parse_bytes(buf_span(&text));
	assert_int_equal(mime_over(m), 0);
	mime_free(&m);
	buf_free(&text);
}

/* The line that ends what is shown. */
static struct span
last_line(const struct buf *b)
{
	size_t n = b->n - 1;

	while (n > 0 && b->p[n - 1] != '\n')
		n--;
	return span_skip(buf_span(b), n);
}

static void
holds(const struct buf *b, const char *want)
{
	if (memmem(b->p, b->n, want, strlen(want)) == NULL)
		fail_msg("%s is missing", want);
}

/* The beginning is shown, and what is left out is said; a search is told. */
static void
a_text_over_the_bound_shows_its_beginning(void **state)
{
	static const struct mime_render_options all = { .all_text = true };
	static const struct mime_render_options third = { .message = 3 };
	struct buf text, out;
	struct err e;

	(void)state;
	buf_init(&text, 40 << 20);
	buf_init(&out, 20 << 20);
	(void)buf_add_str(
	    &text, TYPE("multipart/mixed; boundary=b") "\r\n--b\r\n\r\n");
	while (text.n <= MIME_TEXT_MAX + (2 << 20))
		(void)buf_add_str(&text, "0123456789 0123456789 01234\r\n");
	(void)buf_add_str(&text, "--b\r\n\r\nsecond\r\n--b--\r\n");
	struct mime *m = parse_bytes(buf_span(&text));
	assert_int_equal(mime_render(m, &third, &out, &e), 0);
	assert_true(out.n > MIME_TEXT_MAX / 10 * 9);
	assert_int_equal(memcmp(out.p, "0123456789 0123", 15), 0);
	holds(&out, " 01234\n[2.0 MiB of part 1 are left out; `save 3 1` "
		    "writes all of it]\n\nsecond\n");
	/* the part alone: the same */
	buf_clear(&out);
	assert_int_equal(mime_part_text(m, 1, &third, &out, &e), 0);
	assert_span(last_line(&out), "[2.0 MiB of part 1 are left out; `save "
				     "3 1` writes all of it]\n");
	buf_clear(&out);
	assert_int_equal(mime_render(m, &all, &out, &e), -1);
	assert_int_equal(e.class, ERR_LIMIT);
	mime_free(&m);
	buf_free(&text);
	buf_free(&out);
}

/* Written out, a control takes two bytes and a letter of Latin-1, too. */
static void
a_text_that_grows_is_cut_too(void **state)
{
	static const char *const lines[] = { "\001\002\003\004\r\n",
					     "\xE9\xE9\xE9\xE9\r\n" };
	struct buf text, out;
	struct err e;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		buf_init(&text, 40 << 20);
		buf_init(&out, 20 << 20);
		(void)buf_add_str(&text,
				  TYPE("text/plain; charset=latin1") "\r\n");
		while (text.n <= MIME_TEXT_MAX)
			(void)buf_add_str(&text, lines[i]);
		struct mime *m = parse_bytes(buf_span(&text));
		assert_int_equal(mime_render(m, &PLAIN, &out, &e), 0);
		assert_true(out.n > MIME_TEXT_MAX / 2);
		assert_true(out.n <= MIME_TEXT_MAX + 100);
		assert_span(last_line(&out),
			    "[8.0 MiB of part 1 are left out]\n");
		mime_free(&m);
		buf_free(&text);
		buf_free(&out);
	}
}

/* The bound is one for all: a message is no heap of texts just under it. */
static void
texts_over_the_bound_together_are_cut(void **state)
{
	struct buf text, out;
	struct err e;

	(void)state;
	buf_init(&text, 60 << 20);
	buf_init(&out, 20 << 20);
	(void)buf_add_str(&text, TYPE("multipart/mixed; boundary=b") "\r\n");
	for (size_t i = 1; i <= 3; i++) {
		(void)buf_add_str(&text, "--b\r\n\r\n");
		while (text.n <= i * (9 << 20))
			(void)buf_add_str(&text, "0123456789 0123456789\n");
		(void)buf_add_str(&text, "\r\n");
	}
	(void)buf_add_str(&text, "--b--\r\n");
	struct mime *m = parse_bytes(buf_span(&text));
	assert_int_equal(mime_render(m, &PLAIN, &out, &e), 0);
	assert_true(out.n > MIME_TEXT_MAX);
	holds(&out, " MiB of part 2 are left out]\n");
	assert_span(last_line(&out), "[9.0 MiB of part 3 are left out]\n");
	mime_free(&m);
	buf_free(&text);
	buf_free(&out);
}

static void
the_output_bound_holds(void **state)
{
	struct mime *m = parse("\r\n0123456789012345678901234567890123456789");
	struct buf out;
	struct err e;

	(void)state;
	buf_init(&out, 20);
	assert_int_equal(mime_render(m, &PLAIN, &out, &e), -1);
	assert_int_equal(e.class, ERR_LIMIT);
	buf_free(&out);
	mime_free(&m);
}

/* ---- summary ---------------------------------------------------------------
 */

static void
a_summary_needs_the_header_only(void **state)
{
	struct arena a;
	struct mime_summary s;
	struct err e;

	(void)state;
	arena_init(&a, 100000);
	assert_int_equal(
	    mime_summarise(
		span_of("From: =?utf-8?b?Sm9zw6k=?= <jose@x.com>, b@x.com\r\n"
			"To: bob@xyz.com\r\n"
			"Subject: a very\r\n long =?utf-8?q?caf=C3=A9?=\r\n"
			"Date: Mon, 23 Nov 2026 05:28:01 +0100\r\n"
			"Message-ID: <1@x>\r\nReferences: <0@x>\r\n <00@x>\r\n"
			"Content-Type: multipart/mixed; boundary=x\r\n\r\n"),
		&a, &s, &e),
	    0);
	assert_string_equal(s.from, "José <jose@x.com>, b@x.com");
	assert_string_equal(s.from_name, "José");
	assert_string_equal(s.to, "bob@xyz.com");
	assert_string_equal(s.cc, "");
	assert_string_equal(s.subject, "a very long café");
	assert_string_equal(s.message_id, "<1@x>");
	assert_string_equal(s.references, "<0@x> <00@x>");
	assert_true(s.has_date);
	assert_int_equal(s.date_s, 1795408081);
	assert_int_equal(s.zone_minutes, 60);
	assert_true(s.has_attachment);

	assert_int_equal(mime_summarise(span_of(""), &a, &s, &e), 0);
	assert_string_equal(s.from, "");
	assert_string_equal(s.from_name, "");
	assert_false(s.has_date);
	arena_reset(&a);

	arena_init(&a, 8);
	assert_int_equal(
	    mime_summarise(span_of("Subject: over the budget\r\n"), &a, &s, &e),
	    -1);
	arena_reset(&a);
}

static void
a_summary_is_bounded_whatever_the_header(void **state)
{
	struct mime_summary s;
	struct buf header;
	struct arena a;
	struct err e;

	(void)state;
	buf_init(&header, 1 << 20);
	(void)buf_add_str(&header, "Subject: ");
	for (unsigned i = 0; i < 50000; i++)
		(void)buf_add_str(&header, "\xC3\xA9");
	(void)buf_add_str(&header, "\r\nFrom: ");
	for (unsigned i = 0; i < 50000; i++)
		(void)buf_add_char(&header, '\xFF');
	arena_init(&a, 64 * 1024);
	assert_int_equal(mime_summarise(buf_span(&header), &a, &s, &e), 0);
	assert_int_equal(strlen(s.subject), MIME_SUMMARY_MAX + 3);
	assert_string_equal(s.subject + MIME_SUMMARY_MAX - 2, "é…");
	assert_true(width_is_utf8(span_of(s.subject)));
	assert_true(width_is_utf8(span_of(s.from)));
	assert_true(width_is_utf8(span_of(s.from_name)));
	arena_reset(&a);
	buf_free(&header);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_message_reads_as_it_was_written),
		cmocka_unit_test(fields_come_in_the_reader_s_order),
		cmocka_unit_test(transfer_encodings_and_charsets_are_undone),
		cmocka_unit_test(a_message_cannot_send_terminal_escapes),
		cmocka_unit_test(a_disguised_author_shows_the_real_address),
		cmocka_unit_test(of_the_alternatives_one_is_shown),
		cmocka_unit_test(parts_are_listed_and_saved),
		cmocka_unit_test(names_of_files_are_safe),
		cmocka_unit_test(rfc_2231_names_are_decoded_and_cut),
		cmocka_unit_test(flowed_text_is_rejoined),
		cmocka_unit_test(html_becomes_text),
		cmocka_unit_test(what_is_never_closed_hides_nothing),
		cmocka_unit_test(comments_end_as_in_a_browser),
		cmocka_unit_test(pictures_have_their_text),
		cmocka_unit_test(html_is_read_in_linear_time),
		cmocka_unit_test(html_names_its_charset),
		cmocka_unit_test(html_goes_through_w3m_where_it_is),
		cmocka_unit_test(a_w3m_that_fails_leaves_the_text),
		cmocka_unit_test(w3m_has_limits_of_memory_and_time),
		cmocka_unit_test(html_without_text_has_a_word),
		cmocka_unit_test(what_is_too_deep_is_a_part),
		cmocka_unit_test(groups_inside_groups_take_no_stack),
		cmocka_unit_test(parts_beyond_the_last_are_one),
		cmocka_unit_test(odd_messages_are_shown_all_the_same),
		cmocka_unit_test(a_huge_header_is_read_to_its_bound),
		cmocka_unit_test(a_huge_parameter_is_no_error),
		cmocka_unit_test(a_text_over_the_bound_shows_its_beginning),
		cmocka_unit_test(a_text_that_grows_is_cut_too),
		cmocka_unit_test(texts_over_the_bound_together_are_cut),
		cmocka_unit_test(the_output_bound_holds),
		cmocka_unit_test(a_summary_needs_the_header_only),
		cmocka_unit_test(a_summary_is_bounded_whatever_the_header),
	};

	return cmocka_run_group_tests_name("shell/mime", tests, mime_test_start,
					   mime_test_stop);
}
