#include "../test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shell/mime.h"

/* ---- helpers ---------------------------------------------------------------
 */

/* Everything built must hold: CRLF line ends only, lines of at most 998. */
static void
is_well_formed(struct span s)
{
	size_t line = 0;

	for (size_t i = 0; i < s.n; i++) {
		assert_int_not_equal(s.p[i], '\0');
		if (s.p[i] == '\r') {
			assert_true(i + 1 < s.n);
			assert_int_equal(s.p[i + 1], '\n');
		} else if (s.p[i] == '\n') {
			assert_true(i > 0 && s.p[i - 1] == '\r');
			line = 0;
		} else {
			assert_true(++line <= 998);
		}
	}
}

static void
build(const struct mime_draft *d, struct buf *out, struct mime_built *built)
{
	struct err e = { .msg = "" };

	buf_init(out, 16 << 20);
	if (mime_build(d, out, built, &e) != 0)
		fail_msg("%s", e.msg);
	is_well_formed(buf_span(out));
	assert_int_equal(buf_add_char(out, '\0'), 0);
	out->n--;
}

static void
refused(const struct mime_draft *d, enum err_class class, const char *words)
{
	struct mime_built built;
	struct buf out;
	struct err e = { .msg = "" };

	buf_init(&out, 1 << 20);
	assert_int_equal(mime_build(d, &out, &built, &e), -1);
	assert_int_equal(e.class, class);
	if (strstr(e.msg, words) == NULL)
		fail_msg("'%s' is not in '%s'", words, e.msg);
	assert_int_equal(out.n, 0);
	buf_free(&out);
}

static struct mime_draft
draft(const char *body)
{
	return (struct mime_draft){ .from = "alice@abc.com",
				    .to = "bob@xyz.com",
				    .body = span_of(body) };
}

/* The text that a reader of the built message sees. */
static void
reads_as(const struct buf *message, const char *want)
{
	static const struct mime_render_options o = {
		.headers = MIME_HEADERS_NONE,
		.no_attachments = true,
	};
	struct mime *m;
	struct buf text;
	struct err e;

	buf_init(&text, 1 << 20);
	assert_int_equal(mime_parse(&m, buf_span(message), &e), 0);
	assert_int_equal(mime_render(m, &o, &text, &e), 0);
	assert_span(buf_span(&text), want);
	buf_free(&text);
	mime_free(&m);
}

/* ---- text ------------------------------------------------------------------
 */

static void
a_plain_message_is_from_to_empty_line_body(void **state)
{
	struct mime_draft d = draft("message body");
	struct mime_built built;
	struct buf out;

	(void)state;
	build(&d, &out, &built);
	assert_string_equal(out.p, "From: alice@abc.com\r\nTo: bob@xyz.com\r\n"
				   "\r\nmessage body\r\n");
	assert_false(built.eight_bit);
	assert_false(built.utf8);
	buf_free(&out);
}

static void
fields_stand_in_a_fixed_order(void **state)
{
	static const struct mime_field more[] = { { "X-One", "1" } };
	struct mime_draft d = draft("");
	struct mime_built built;
	struct buf out;

	(void)state;
	d.cc = "carol@xyz.com";
	d.reply_to = "list@abc.com";
	d.subject = "Hello";
	d.message_id = "<1@abc.com>";
	d.in_reply_to = "<0@x>";
	d.references = "<00@x> <0@x>";
	d.has_date = true;
	d.date_s = 0;
	d.fields = more;
	d.n_fields = 1;
	build(&d, &out, &built);
	assert_string_equal(
	    out.p, "From: alice@abc.com\r\nTo: bob@xyz.com\r\n"
		   "Cc: carol@xyz.com\r\nReply-To: list@abc.com\r\n"
		   "Subject: Hello\r\nDate: Thu, 1 Jan 1970 00:00:00 +0000\r\n"
		   "Message-ID: <1@abc.com>\r\nIn-Reply-To: <0@x>\r\n"
		   "References: <00@x> <0@x>\r\nX-One: 1\r\n\r\n");
	buf_free(&out);
}

static void
any_line_end_becomes_crlf(void **state)
{
	struct mime_draft d = draft("a\nb\r\nc\rd\n\n.\n");
	struct mime_built built;
	struct buf out;

	(void)state;
	build(&d, &out, &built);
	assert_non_null(strstr(out.p, "\r\n\r\na\r\nb\r\nc\r\nd\r\n\r\n.\r\n"));
	buf_free(&out);
}

static void
text_beyond_ascii_says_its_charset(void **state)
{
	struct mime_draft d =
	    draft("Grüße aus Köln, und noch etwas mehr Text dazu\n");
	struct mime_built built;
	struct buf out;

	(void)state;
	d.server_8bit = true;
	build(&d, &out, &built);
	assert_true(built.eight_bit);
	assert_non_null(strstr(out.p, "charset=utf-8\r\n"));
	assert_non_null(strstr(out.p, "Content-Transfer-Encoding: 8bit\r\n"));
	assert_non_null(strstr(out.p, "\r\n\r\nGrüße aus Köln, "));
	buf_free(&out);

	d.server_8bit = false;
	build(&d, &out, &built);
	assert_false(built.eight_bit);
	assert_non_null(strstr(out.p, "MIME-Version: 1.0\r\n"));
	assert_non_null(strstr(out.p, "charset=utf-8"));
	assert_non_null(strstr(out.p, "Gr=C3=BC=C3=9Fe aus K=C3=B6ln, und noch "
				      "etwas mehr Text dazu\r\n"));
	reads_as(&out, "Grüße aus Köln, und noch etwas mehr Text dazu\n");
	buf_free(&out);

	d.body = span_of("日本語の本文\n");
	build(&d, &out, &built);
	assert_non_null(strstr(out.p, "base64"));
	reads_as(&out, "日本語の本文\n");
	buf_free(&out);
}

static void
a_long_line_is_encoded_never_cut(void **state)
{
	struct mime_draft d = draft("");
	struct mime_built built;
	struct buf out;
	char line[2002];

	(void)state;
	(void)memset(line, 'x', sizeof(line));
	line[998] = '\n';
	line[999] = '\0';
	d.body = span_of(line);
	d.server_8bit = true;
	build(&d, &out, &built);
	assert_null(strstr(out.p, "MIME-Version"));
	buf_free(&out);

	(void)memset(line, 'x', sizeof(line));
	line[2000] = '\n';
	line[2001] = '\0';
	d.body = span_of(line);
	build(&d, &out, &built);
	assert_non_null(strstr(out.p, "quoted-printable"));
	reads_as(&out, line);
	buf_free(&out);
}

static void
a_body_that_is_no_text_is_refused(void **state)
{
	struct mime_draft d = draft("caf\xE9");

	(void)state;
	refused(&d, ERR_PERM, "UTF-8");
	d.body = span_make("a\0b", 3);
	refused(&d, ERR_PERM, "NUL");
}

/* ---- header ----------------------------------------------------------------
 */

static void
names_and_subject_are_encoded_words(void **state)
{
	struct mime_draft d = draft("x");
	struct mime_built built;
	struct buf out, subject;
	struct mime *m;
	struct err e;

	(void)state;
	d.from = "Jörg Müller <alice@abc.com>";
	d.to = "\"Builder, Bob\" <bob@xyz.com>";
	d.subject = "Ein sehr langer Betreff über schöne Grüße und noch viel "
		    "mehr, der in mehrere Zeilen passt: 日本語日本語日本語";
	build(&d, &out, &built);
	for (size_t i = 0; i < out.n; i++)
		assert_true((unsigned char)out.p[i] < 0x80);
	assert_non_null(strstr(out.p, "<alice@abc.com>\r\n"));
	assert_non_null(
	    strstr(out.p, "To: \"Builder, Bob\" <bob@xyz.com>\r\n"));
	assert_int_equal(mime_parse(&m, buf_span(&out), &e), 0);
	buf_init(&subject, 1000);
	assert_int_equal(mime_header(m, "subject", 0, &subject), 1);
	assert_span(buf_span(&subject), d.subject);
	buf_clear(&subject);
	assert_int_equal(mime_header(m, "From", 0, &subject), 1);
	assert_span(buf_span(&subject), d.from);
	assert_int_equal(mime_header(m, "From", 1, &subject), 0);
	buf_free(&subject);
	mime_free(&m);
	buf_free(&out);
}

static void
long_fields_are_folded(void **state)
{
	struct mime_draft d = draft("x");
	struct mime_built built;
	struct buf out, to;

	(void)state;
	buf_init(&to, 100000);
	for (int i = 0; i < 100; i++)
		(void)buf_addf(&to, "%suser%d@example.org", i > 0 ? ", " : "",
			       i);
	(void)buf_add_char(&to, '\0');
	d.to = to.p;
	build(&d, &out, &built);
	size_t column = 0;
	for (size_t i = 0; i < out.n; i++) {
		column = out.p[i] == '\n' ? 0 : column + 1;
		assert_true(column <= 79);
	}
	assert_non_null(strstr(out.p, ",\r\n user"));
	buf_free(&out);
	buf_free(&to);
}

static void
nothing_typed_can_add_a_field(void **state)
{
	struct mime_field more = { "X-Note", "a\r\nBcc: eve@x.com" };
	struct mime_draft d = draft("x");

	(void)state;
	d.subject = "a\r\nBcc: eve@x.com";
	refused(&d, ERR_PERM, "Subject");
	d.subject = "a\nb";
	refused(&d, ERR_PERM, "line end");
	d.subject = "\033[2J";
	refused(&d, ERR_PERM, "control");
	d.subject = NULL;
	d.to = "bob@xyz.com\r\nBcc: eve@x.com";
	refused(&d, ERR_PERM, "To");
	d.to = "bob@xyz.com";
	d.fields = &more;
	d.n_fields = 1;
	refused(&d, ERR_PERM, "X-Note");
	more = (struct mime_field){ "X-A: b\r\nX-C", "d" };
	refused(&d, ERR_PERM, "not a field name");
	more = (struct mime_field){ "X A", "d" };
	refused(&d, ERR_PERM, "not a field name");
	more = (struct mime_field){ "bcc", "eve@x.com" };
	refused(&d, ERR_PERM, "not to be set");
	more = (struct mime_field){ "Content-Type", "text/html" };
	refused(&d, ERR_PERM, "not to be set");
	more = (struct mime_field){ "Reply-To", "nonsense" };
	refused(&d, ERR_PERM, "Reply-To");
	d.n_fields = 0;
	d.in_reply_to = "no id";
	refused(&d, ERR_PERM, "In-Reply-To");
}

static void
an_address_beyond_ascii_needs_the_server(void **state)
{
	struct mime_draft d = draft("x");
	struct mime_built built;
	struct buf out;

	(void)state;
	d.to = "jörg@xyz.com";
	refused(&d, ERR_PERM, "SMTPUTF8");
	d.server_utf8 = true;
	build(&d, &out, &built);
	assert_true(built.utf8);
	assert_true(built.eight_bit);
	assert_non_null(strstr(out.p, "To: jörg@xyz.com\r\n"));
	buf_free(&out);
}

/* ---- attachments -----------------------------------------------------------
 */

static void
attachments_arrive_byte_for_byte(void **state)
{
	char dir[] = "/tmp/mime-att-XXXXXX", path[2][64];
	const char *files[] = { path[0], path[1] };
	char bytes[3001], back[3001];
	struct mime_draft d = draft("See attached: é\n");
	struct mime_built built;
	struct buf out;
	struct mime *m;
	struct err e;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path[0], sizeof(path[0]), "%s/rapport-é.pdf", dir);
	(void)snprintf(path[1], sizeof(path[1]), "%s/notes", dir);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 7 + i / 256);
	FILE *f = fopen(path[0], "w");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, sizeof(bytes), f), sizeof(bytes));
	assert_int_equal(fclose(f), 0);
	f = fopen(path[1], "w");
	assert_non_null(f);
	assert_true(fputs("one\ntwo\r\n.\nlast", f) >= 0);
	assert_int_equal(fclose(f), 0);

	d.attachments = files;
	d.n_attachments = 2;
	d.server_8bit = true;
	build(&d, &out, &built);
	assert_false(built.eight_bit);
	assert_non_null(strstr(out.p, "filename*="));
	reads_as(&out, "See attached: é\n");
	assert_int_equal(mime_parse(&m, buf_span(&out), &e), 0);
	assert_int_equal(mime_part_count(m), 3);
	assert_string_equal(mime_part_at(m, 1)->name, "rapport-é.pdf");
	assert_string_equal(mime_part_at(m, 1)->type, "application/pdf");
	assert_string_equal(mime_part_at(m, 2)->name, "notes");
	assert_string_equal(mime_part_at(m, 2)->type, "text/plain");

	int fd = open(path[0], O_RDWR | O_TRUNC);
	uint64_t n;
	assert_int_equal(mime_part_save(m, 2, fd, &n, &e), 0);
	assert_int_equal(n, sizeof(bytes));
	assert_int_equal(pread(fd, back, sizeof(back), 0), sizeof(back));
	assert_memory_equal(back, bytes, sizeof(bytes));
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(mime_part_save(m, 3, fd, &n, &e), 0);
	assert_int_equal(n, 15);
	assert_int_equal(pread(fd, back, 15, 0), 15);
	assert_memory_equal(back, "one\ntwo\r\n.\nlast", 15);
	assert_int_equal(close(fd), 0);

	mime_free(&m);
	buf_free(&out);
	assert_int_equal(unlink(path[0]) | unlink(path[1]) | rmdir(dir), 0);
}

static void
what_is_no_file_is_not_attached(void **state)
{
	const char *files[] = { "/dev/null/x" };
	struct mime_draft d = draft("x");

	(void)state;
	d.attachments = files;
	d.n_attachments = 1;
	refused(&d, ERR_TEMP, "/dev/null/x");
	files[0] = "/dev/zero";
	refused(&d, ERR_TEMP, "not a regular file");
	files[0] = "/tmp";
	refused(&d, ERR_TEMP, "not a regular file");
}

/* ---- addresses -------------------------------------------------------------
 */

static void
address_lists_are_read_whole(void **state)
{
	static const struct {
		const char *text;
		unsigned n;
		const char *name, *address; /* of the last */
	} good[] = {
		{ "", 0, NULL, NULL },
		{ " ", 0, NULL, NULL },
		{ "bob@xyz.com", 1, "", "bob@xyz.com" },
		{ "<bob@xyz.com>", 1, "", "bob@xyz.com" },
		{ "Bob Builder <bob@xyz.com>", 1, "Bob Builder",
		  "bob@xyz.com" },
		{ "\"Builder, Bob \\\"B\\\"\" <bob@xyz.com>", 1,
		  "Builder, Bob \"B\"", "bob@xyz.com" },
		{ "a@x.com, b@y.com,", 2, "", "b@y.com" },
		{ "a@x.com,,b@y.com", 2, "", "b@y.com" },
		{ "Jörg <j@x.com>", 1, "Jörg", "j@x.com" },
		{ "j@x.com (the \\) (real) one)", 1, "", "j@x.com" },
		{ "John Q. Public <j@x.com>", 1, "John Q. Public", "j@x.com" },
		{ "team: a@x.com, B <b@x.com>;, c@x.com", 3, "", "c@x.com" },
		{ "nobody:;", 0, NULL, NULL },
		{ "\"a b\"@x.com", 1, "", "\"a b\"@x.com" },
		{ "x@[127.0.0.1]", 1, "", "x@[127.0.0.1]" },
		{ "bob@x.com <bob@x.com>", 1, "bob@x.com", "bob@x.com" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct mime_address *list;
		struct arena a;
		struct err e = { .msg = "" };
		unsigned n;

		arena_init(&a, 100000);
		if (mime_addresses(span_of(good[i].text), &a, &list, &n, &e) !=
		    0)
			fail_msg("%s: %s", good[i].text, e.msg);
		assert_int_equal(n, good[i].n);
		if (n > 0) {
			assert_string_equal(list[n - 1].name, good[i].name);
			assert_string_equal(list[n - 1].address,
					    good[i].address);
		}
		arena_reset(&a);
	}
}

static void
no_recipient_is_dropped_silently(void **state)
{
	static const char *const bad[] = {
		"bob",
		"bob@",
		"@xyz.com",
		"a@b@c.com",
		"a@x.com b@x.com",
		"a@x.com; b@x.com",
		"Bob <bob@xyz.com",
		"Bob bob@xyz.com>",
		"<a@x.com> <b@x.com>",
		"<a@x.com> tail",
		"\"Bob <bob@xyz.com>",
		"(Bob bob@xyz.com",
		"a@x.com, bob",
		"team: a@x.com",
		"team: sub: a@x.com;;",
		":a@x.com;",
		"<>",
		"a@x.com\nb@x.com",
		"a\tb@x.com",
		"a@x.com\033[2J",
		"\xFF@x.com",
		"a@x..com",
		"a..b@x.com",
		"-",
		"a@x.com, <",
		"\"",
		"[",
		"\\",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct mime_address *list;
		struct arena a;
		struct err e = { .msg = "" };
		unsigned n;

		arena_init(&a, 100000);
		if (mime_addresses(span_of(bad[i]), &a, &list, &n, &e) == 0)
			fail_msg("accepted: %s", bad[i]);
		assert_int_equal(e.class, ERR_PERM);
		assert_true(e.msg[0] != '\0');
		arena_reset(&a);
	}
}

static void
a_written_address_reads_back(void **state)
{
	static const struct mime_address written[] = {
		{ "B", "a@x.com", false },
		{ "", "a@x.com", false },
		{ "Bob", "a@x.com", false },
		{ "Builder, \"Bob\" \\o/", "a@x.com", false },
		{ "a@b", "a@x.com", false },
		{ " two  blanks ", "a@x.com", false },
		{ "Jörg", "a@x.com", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(written) / sizeof(written[0]); i++) {
		struct mime_address *list;
		struct buf text;
		struct arena a;
		struct err e;
		unsigned n;

		arena_init(&a, 100000);
		buf_init(&text, 1000);
		assert_int_equal(mime_address_text(&written[i], &text), 0);
		assert_int_equal(
		    mime_addresses(buf_span(&text), &a, &list, &n, &e), 0);
		assert_int_equal(n, 1);
		assert_string_equal(list[0].name, written[i].name);
		assert_string_equal(list[0].address, written[i].address);
		buf_free(&text);
		arena_reset(&a);
	}
}

/* ---- reply -----------------------------------------------------------------
 */

static void
answers(const char *message, const struct mime_reply_options *o,
	const struct mime_reply *want)
{
	struct mime_reply r;
	struct mime *m;
	struct arena a;
	struct err e = { .msg = "" };

	arena_init(&a, 1000000);
	assert_int_equal(mime_parse(&m, span_of(message), &e), 0);
	if (mime_make_reply(m, o, &a, &r, &e) != 0)
		fail_msg("%s", e.msg);
	assert_string_equal(r.to, want->to);
	assert_string_equal(r.cc, want->cc);
	assert_string_equal(r.subject, want->subject);
	assert_string_equal(r.in_reply_to, want->in_reply_to);
	assert_string_equal(r.references, want->references);
	assert_string_equal(r.body, want->body);
	mime_free(&m);
	arena_reset(&a);
}

static void
a_reply_answers_its_author(void **state)
{
	static const struct mime_reply_options o = { .me = "bob@xyz.com",
						     .quote = true };
	static const struct mime_reply want = {
		.to = "Alice <alice@abc.com>",
		.cc = "",
		.subject = "Re: Hello",
		.in_reply_to = "<2@abc.com>",
		.references = "<1@abc.com> <2@abc.com>",
		.body = "On Mon, 23 Nov 2026 05:28:01 +0000, Alice wrote:\n"
			"> Hi Bob\n>\n>> earlier\n",
	};

	(void)state;
	answers("From: Alice <alice@abc.com>\r\nTo: bob@xyz.com\r\n"
		"Subject: Re: RE: Hello\r\n"
		"Date: Mon, 23 Nov 2026 05:28:01 +0000\r\n"
		"Message-ID: <2@abc.com>\r\nIn-Reply-To: <1@abc.com>\r\n\r\n"
		"Hi Bob\r\n\r\n> earlier\r\n-- \r\nAlice\r\n",
		&o, &want);
}

static void
a_reply_to_all_leaves_me_out(void **state)
{
	static const struct mime_reply_options o = { .me = "bob@xyz.com",
						     .to_all = true };
	static const struct mime_reply want = {
		.to = "list@abc.com",
		.cc = "Carol <carol@xyz.com>, dave@x.com",
		.subject = "Re: ",
		.in_reply_to = "",
		.references = "",
		.body = "",
	};

	(void)state;
	answers("From: alice@abc.com\r\nReply-To: list@abc.com\r\n"
		"To: BOB@xyz.com, Carol <carol@xyz.com>, list@abc.com\r\n"
		"Cc: carol@xyz.com, dave@x.com\r\n\r\nx",
		&o, &want);
}

/* RFC 5322 3.6.4: of a parent without an id the references are taken. */
static void
a_reply_to_what_has_no_id_stays_in_its_thread(void **state)
{
	static const struct mime_reply_options o = { .me = "bob@xyz.com" };
	static const struct mime_reply want = {
		.to = "a@x.com",
		.cc = "",
		.subject = "Re: x",
		.in_reply_to = "",
		.references = "<1@x> <2@x>",
		.body = "",
	};

	(void)state;
	answers("From: a@x.com\r\nSubject: x\r\nReferences: <1@x> <2@x>\r\n"
		"\r\nx",
		&o, &want);
	answers("From: a@x.com\r\nSubject: x\r\nReferences: <1@x> <2@x>\r\n"
		"Message-ID: none\r\n\r\nx",
		&o, &want);
}

static void
an_answer_to_my_own_message_goes_on_to_its_readers(void **state)
{
	static const struct mime_reply_options o = { .me = "bob@xyz.com" };
	static const struct mime_reply want = {
		.to = "alice@abc.com",
		.cc = "",
		.subject = "Re: x",
		.in_reply_to = "",
		.references = "",
		.body = "",
	};

	(void)state;
	answers("From: bob@xyz.com\r\nTo: alice@abc.com\r\nSubject: x\r\n\r\n",
		&o, &want);
}

static void
a_broken_list_invents_nobody(void **state)
{
	static const struct mime_reply_options o = { .me = "bob@xyz.com",
						     .to_all = true };
	static const struct {
		const char *cc, *answered, *left_out;
	} lists[] = {
		{ "broken <a@b.example", "", "broken <a@b.example" },
		{ "dave@@x.com", "", "dave@@x.com" },
		{ "a b@xyz.com", "", "a b@xyz.com" },
		{ "z@xyz.com c@xyz.com", "", "z@xyz.com c@xyz.com" },
		{ "g@x.com, broken <a@b.example, <carol@x.com>",
		  "g@x.com, carol@x.com", "broken <a@b.example" },
		{ "Lee, Ann [x <ann@b.example>",
		  "\"Lee, Ann [x\" <ann@b.example>", "" },
		{ "a..b@x.com", "\"a..b\"@x.com", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct mime_reply r;
		struct mime *m;
		struct arena a;
		struct buf text;
		struct err e = { .msg = "" };

		arena_init(&a, 1000000);
		buf_init(&text, 1000);
		assert_int_equal(buf_addf(&text,
					  "From: alice@abc.com\r\n"
					  "Cc: %s\r\n\r\n",
					  lists[i].cc),
				 0);
		assert_int_equal(mime_parse(&m, buf_span(&text), &e), 0);
		assert_int_equal(mime_make_reply(m, &o, &a, &r, &e), 0);
		assert_string_equal(r.cc, lists[i].answered);
		assert_string_equal(r.left_out, lists[i].left_out);
		mime_free(&m);
		buf_free(&text);
		arena_reset(&a);
	}
}

static void
a_hostile_thread_stays_bounded(void **state)
{
	static const struct mime_reply_options o = { .me = "bob@xyz.com" };
	struct mime_reply r;
	struct mime *m;
	struct arena a;
	struct buf text;
	struct err e;

	(void)state;
	arena_init(&a, 1000000);
	buf_init(&text, 1 << 20);
	(void)buf_add_str(&text, "From: a@x.com\r\nMessage-ID: <last@x>\r\n"
				 "References: <first@x> <a\033b@x> <unclosed");
	for (int i = 0; i < 5000; i++)
		(void)buf_addf(&text, "\r\n <id%d@x>", i);
	(void)buf_add_str(&text, "\r\n\r\nx");
	assert_int_equal(mime_parse(&m, buf_span(&text), &e), 0);
	assert_int_equal(mime_make_reply(m, &o, &a, &r, &e), 0);
	assert_int_equal(strncmp(r.references, "<first@x> <id4980@x> ", 20), 0);
	assert_string_equal(r.references + strlen(r.references) - 9,
			    " <last@x>");
	assert_true(strlen(r.references) < 400);
	mime_free(&m);

	assert_int_equal(
	    mime_parse(&m, span_of("Subject: nobody\r\n\r\nx"), &e), 0);
	assert_int_equal(mime_make_reply(m, &o, &a, &r, &e), -1);
	assert_int_equal(e.class, ERR_PERM);
	mime_free(&m);
	buf_free(&text);
	arena_reset(&a);
}

static void
ids_are_unique_and_well_formed(void **state)
{
	char a[MIME_ID_SIZE], b[MIME_ID_SIZE];

	(void)state;
	mime_new_id("abc.com", a);
	mime_new_id("abc.com", b);
	assert_string_not_equal(a, b);
	assert_int_equal(a[0], '<');
	assert_string_equal(a + strlen(a) - 9, "@abc.com>");
	mime_new_id("not a domain>", a);
	assert_string_equal(a + strlen(a) - 11, "@localhost>");
}

static int
start(void **state)
{
	(void)state;
	mime_start();
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	mime_stop();
	return 0;
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_message_is_from_to_empty_line_body),
		cmocka_unit_test(fields_stand_in_a_fixed_order),
		cmocka_unit_test(any_line_end_becomes_crlf),
		cmocka_unit_test(text_beyond_ascii_says_its_charset),
		cmocka_unit_test(a_long_line_is_encoded_never_cut),
		cmocka_unit_test(a_body_that_is_no_text_is_refused),
		cmocka_unit_test(names_and_subject_are_encoded_words),
		cmocka_unit_test(long_fields_are_folded),
		cmocka_unit_test(nothing_typed_can_add_a_field),
		cmocka_unit_test(an_address_beyond_ascii_needs_the_server),
		cmocka_unit_test(attachments_arrive_byte_for_byte),
		cmocka_unit_test(what_is_no_file_is_not_attached),
		cmocka_unit_test(address_lists_are_read_whole),
		cmocka_unit_test(no_recipient_is_dropped_silently),
		cmocka_unit_test(a_written_address_reads_back),
		cmocka_unit_test(a_reply_answers_its_author),
		cmocka_unit_test(a_reply_to_all_leaves_me_out),
		cmocka_unit_test(a_broken_list_invents_nobody),
		cmocka_unit_test(a_reply_to_what_has_no_id_stays_in_its_thread),
		cmocka_unit_test(
		    an_answer_to_my_own_message_goes_on_to_its_readers),
		cmocka_unit_test(a_hostile_thread_stays_bounded),
		cmocka_unit_test(ids_are_unique_and_well_formed),
	};

	(void)setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests_name("shell/mime_build", tests, start,
					   stop);
}
