#include "mime_test.h"

/* Names in header fields: encoded words, parameters, charsets. */

static void
header_reads(const char *name, const char *value, const char *want)
{
	struct buf text, out;
	struct mime *m;

	buf_init(&text, 1 << 16);
	buf_init(&out, 1 << 16);
	(void)buf_addf(&text, "%s: %s\r\n\r\n", name, value);
	m = parse_bytes(buf_span(&text));
	assert_int_equal(mime_header(m, name, 0, &out), 1);
	if (!span_eq(buf_span(&out), span_of(want)))
		fail_msg("%s: %s: \"%.*s\", wanted \"%s\"", name, value,
			 SPAN_ARG(buf_span(&out)), want);
	mime_free(&m);
	buf_free(&text);
	buf_free(&out);
}

static void
encoded_words_are_read_as_they_were_meant(void **state)
{
	static const char *const cases[][2] = {
		{ "=?utf-8?q?caf=C3=A9?=", "café" },
		{ "=?UTF-8?Q?caf=c3=a9?= au lait", "café au lait" },
		{ "=?utf-8?b?Y2Fmw6k=?=", "café" },
		{ "=?utf-8?B?Y2Fmw6k?=", "café" },
		{ "=?utf-8?B?Y2Fmw6k===?=", "café" },
		{ "=?utf-8*fr?Q?caf=C3=A9?=", "café" },
		{ "a =?utf-8?q?b?= c", "a b c" },
		{ "a=?utf-8?q?b?=c", "abc" },
		{ "(=?utf-8?q?b?=)", "(b)" },
		{ "\"=?utf-8?q?b?=\"", "\"b\"" },
		{ "=?utf-8?q?a_b=20c=5F?=", "a b c_" },
		{ "=?utf-8?q?"
		  "?=x",
		  "x" },
		{ "=?utf-8?b?"
		  "?= x",
		  " x" },
		/* words that stand together */
		{ "=?utf-8?q?a?= =?utf-8?q?b?=", "ab" },
		{ "=?utf-8?q?a?=\r\n =?utf-8?q?b?=", "ab" },
		{ "=?utf-8?q?a?==?utf-8?q?b?=", "ab" },
		{ "=?utf-8?q?a?= x =?utf-8?q?b?=", "a x b" },
		{ "=?utf-8?q?a?= =?iso-8859-1?q?=E9?=", "aé" },
		/* cut inside a character, inside a quantum */
		{ "=?utf-8?q?=C3?= =?utf-8?q?=A9t=C3=A9?=", "été" },
		{ "=?utf-8?b?w6l0?= =?UTF-8?b?w6k=?=", "été" },
		{ "=?utf-8?b?w6l0w?= =?utf-8?b?6k=?=", "été" },
		{ "=?utf-8?b?5pc=?= =?utf-8?b?pQ==?=", "日" },
		{ "=?utf-8?b?5pc?= =?utf-8?q?=A5?=", "日" },
		{ "=?utf-8?b?YWI?= =?utf-8?b?Y2Q?=", "abcd" },
		{ "=?iso-2022-jp?b?GyRCRnw=?= =?iso-2022-jp?b?S1wbKEI=?=",
		  "日本" },
		/* blanks inside */
		{ "=?utf-8?q?caf=C3=A9 au lait?=", "café au lait" },
		{ "=?utf-8?b?Y2Fm w6k=?=", "café" },
		{ "=? utf-8 ?q?caf=C3=A9?=", "café" },
		{ "=?utf-8?q?a\r\n b?=", "a b" },
		/* no end */
		{ "=?utf-8?q?caf=C3=A9", "café" },
		{ "=?utf-8?q?caf=C3=A9?", "café" },
		{ "=?utf-8?b?Y2Fmw6k=", "café" },
		{ "=?utf-8?q?caf=C3=A9 and more", "café and more" },
		{ "=?utf-8?q?a =?utf-8?q?b?=", "ab" },
		{ "=?utf-8?q?caf=C3", "caf\xEF\xBF\xBD" },
		/* what the encoding does not allow */
		{ "=?utf-8?q?why=3F?=", "why?" },
		{ "=?utf-8?q?why?=3F?=", "why??" },
		{ "=?utf-8?q?a=b =XY?=", "a=b =XY" },
		{ "=?utf-8?q?caf\xC3\xA9?=", "café" },
		/* charsets with other names, or none */
		{ "=?utf8?q?caf=C3=A9?=", "café" },
		{ "=?cp-1252?q?=80?=", "€" },
		{ "=?iso-8859-1?q?=93x=94?=", "“x”" },
		{ "=?x-unknown?q?caf=E9?=", "café" },
		{ "=?unknown-8bit?b?Y2Fmw6k=?=", "café" },
		{ "=??q?caf=C3=A9?=", "café" },
		{ "=?gb2312?b?6XE=?=", "閝" },
		{ "=?ks_c_5601-1987?b?x9E=?=", "한" },
		{ "=?utf-7?q?+AOk-?=", "é" },
		/* no words at all */
		{ "=?", "=?" },
		{ "=?=", "=?=" },
		{ "a =?b?= c", "a =?b?= c" },
		{ "=?utf-8?x?abc?=", "=?utf-8?x?abc?=" },
		{ "=?utf-8?q", "=?utf-8?q" },
		{ "1 + 1 =? 2", "1 + 1 =? 2" },
		{ "http://x.example/?a=?b", "http://x.example/?a=?b" },
		/* and bytes that nobody names */
		{ "caf\xC3\xA9", "café" },
		{ "caf\xE9", "café" },
		{ "\033$BF|K\\\033(B", "日本" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		header_reads("Subject", cases[i][0],
			     cases[i][1] + strspn(cases[i][1], " "));
}

static void
words_in_addresses(void **state)
{
	static const char *const cases[][2] = {
		{ "=?utf-8?q?J=C3=B6rg?= <j@x.com>", "Jörg <j@x.com>" },
		{ "=?utf-8?q?J=C3=B6rg_M?= =?utf-8?q?=C3=BCller?= <j@x.com>",
		  "Jörg Müller <j@x.com>" },
		{ "=?utf-8?q?J=C3=B6rg?= M <j@x.com>", "Jörg M <j@x.com>" },
		{ "\"=?utf-8?q?J=C3=B6rg?=\" <j@x.com>", "Jörg <j@x.com>" },
		{ "=?utf-8?q?M=C3=BCller,_J?= <j@x.com>, b@x.com",
		  "\"Müller, J\" <j@x.com>, b@x.com" },
		/* blanks and commas where only '_' and =2C may be */
		{ "=?utf-8?q?M=C3=BCller, J?= <j@x.com>, b@x.com",
		  "\"Müller, J\" <j@x.com>, b@x.com" },
		{ "=?utf-8?b?SsO2cmc?= <j@x.com>", "Jörg <j@x.com>" },
		{ "=?utf-8?q?J=C3=B6rg <j@x.com>", "Jörg <j@x.com>" },
		{ "=?utf-8?q?J=C3?= =?utf-8?q?=B6rg?= <j@x.com>",
		  "Jörg <j@x.com>" },
		{ "=?utf-8?q?J=C3=B6rg?=<j@x.com>", "Jörg <j@x.com>" },
		{ "=?gb2312?b?6XE=?= <j@x.com>", "閝 <j@x.com>" },
		{ "=?utf-8?q?a=22b?= <j@x.com>", "\"a\\\"b\" <j@x.com>" },
		{ "J\xF6rg <j@x.com>", "Jörg <j@x.com>" },
		{ "J\xC3\xB6rg <j@x.com>", "Jörg <j@x.com>" },
		{ "\"a\\\"b =?utf-8?q?c?=\" <j@x.com>",
		  "\"a\\\"b c\" <j@x.com>" },
		{ "\"a\\\\\" =?utf-8?q?b?= <j@x.com>",
		  "\"a\\\\ b\" <j@x.com>" },
		/* no second address, no second field */
		{ "=?utf-8?q?=22,_b=40x.com,_=22?= <j@x.com>",
		  "\"\\\", b@x.com, \\\"\" <j@x.com>" },
		{ "=?utf-8?q?a=0D=0ATo:_b?= <j@x.com>",
		  "\"a To: b\" <j@x.com>" },
		{ "Team: =?utf-8?q?J=C3=B6rg?= <j@x.com>;", "Jörg <j@x.com>" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		header_reads("From", cases[i][0], cases[i][1]);
		header_reads("Cc", cases[i][0], cases[i][1]);
	}
}

/* ---- parameters -----------------------------------------------------------
 */

static void
file_is_named(const char *field, const char *params, const char *want)
{
	struct buf text;
	struct mime *m;

	buf_init(&text, 1 << 16);
	(void)buf_addf(&text, "%s%s\r\n\r\nx", field, params);
	m = parse_bytes(buf_span(&text));
	if (strcmp(mime_part_at(m, 0)->name, want) != 0)
		fail_msg("%s%s: \"%s\", wanted \"%s\"", field, params,
			 mime_part_at(m, 0)->name, want);
	mime_free(&m);
	buf_free(&text);
}

static void
names_of_files_as_senders_write_them(void **state)
{
	static const char *const cases[][2] = {
		{ "*=\"plan.pdf\"", "plan.pdf" },
		{ "*=plan.pdf", "plan.pdf" },
		/* RFC 2231 */
		{ "**=utf-8''caf%C3%A9.pdf", "café.pdf" },
		{ "**=UTF-8'fr'caf%c3%a9.pdf", "café.pdf" },
		{ "**=iso-8859-1''caf%E9.pdf", "café.pdf" },
		{ "**=\"utf-8''caf%C3%A9.pdf\"", "café.pdf" },
		{ "**=caf%C3%A9.pdf", "café.pdf" },
		{ "**=utf-8'caf%C3%A9.pdf", "café.pdf" },
		{ "**=''caf%C3%A9.pdf", "café.pdf" },
		{ "**=utf-8''100%.pdf", "100%.pdf" },
		{ "**=utf-8''a%zzb%4.pdf", "a%zzb%4.pdf" },
		{ "**=utf-8''it's.pdf", "it's.pdf" },
		{ "**=x-unknown''caf%C3%A9.pdf", "café.pdf" },
		/* in pieces */
		{ "*0=\"pl\"; *1=\"an.pdf\"", "plan.pdf" },
		{ "*0*=utf-8''caf%C3; *1*=%A9.pdf", "café.pdf" },
		{ "*0*=utf-8''caf%C3%A9; *1=\"%41.pdf\"", "café%41.pdf" },
		{ "*0=\"a \"; *1*=%C3%A9.pdf", "a é.pdf" },
		{ "*0*=utf-8''caf%C3; *1=%A9.pdf", "café.pdf" },
		{ "*1=\"an.pdf\"; *0=\"pl\"", "plan.pdf" },
		{ "*10=\"f\"; *2=\"an.pd\"; *0=\"p\"; *1=\"l\"", "plan.pdf" },
		{ "*0=\"pl\"; *2=\"an.pdf\"", "plan.pdf" },
		{ "*1*=an%2Epdf; *2*=%2Egz", "an.pdf.gz" },
		/* both forms: the better one */
		{ "*=\"cafe.pdf\"; **=utf-8''caf%C3%A9.pdf", "café.pdf" },
		{ "**=utf-8''caf%C3%A9.pdf; *=\"cafe.pdf\"", "café.pdf" },
		{ "**=utf-8''; *=\"cafe.pdf\"", "cafe.pdf" },
		/* encoded words, which RFC 2047 forbids here */
		{ "*=\"=?utf-8?q?caf=C3=A9.pdf?=\"", "café.pdf" },
		{ "*==?utf-8?b?Y2Fmw6kucGRm?=", "café.pdf" },
		{ "*=\"=?utf-8?q?caf=C3?=\r\n =?utf-8?q?=A9.pdf?=\"",
		  "café.pdf" },
		{ "*0=\"=?utf-8?q?caf=C3\"; *1=\"=A9.pdf?=\"", "café.pdf" },
		/* bytes that nobody names a charset for */
		{ "*=\"caf\xC3\xA9.pdf\"", "café.pdf" },
		{ "*=\"caf\xE9.pdf\"", "café.pdf" },
		/* blanks, comments, quotes, semicolons */
		{ "*=my plan.pdf", "my plan.pdf" },
		{ "*=report (1).pdf", "report (1).pdf" },
		{ "*=plan.pdf (the plan)", "plan.pdf" },
		{ "*=plan.pdf (the plan); size=3", "plan.pdf" },
		{ "*=\"plan.pdf", "plan.pdf" },
		{ "*=\"plan.pdf; size=3", "plan.pdf" },
		{ "*=\"a;b.pdf\"; size=3", "a;b.pdf" },
		{ "*=\"a \\\"b\\\".pdf\"", "a \"b\".pdf" },
		{ "*=\"a \"b\" c.pdf\"; size=3", "a \"b" },
		{ "*=\"C:\\dir\\plan.pdf\"", "plan.pdf" },
		{ " * = plan.pdf", "plan.pdf" },
		{ ";; *=plan.pdf ;", "plan.pdf" },
		{ "size=3 *=plan.pdf", "plan.pdf" },
		{ "x; *=plan.pdf", "plan.pdf" },
		{ "*=\"very long\r\n name.pdf\"", "very long name.pdf" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		/* '*' stands for the name, "**" for its extended form */
		for (unsigned k = 0; k < 2; k++) {
			char params[400];
			size_t n = 0;
			for (const char *c = cases[i][0]; *c != '\0'; c++) {
				bool start = c == cases[i][0] || c[-1] == ' ';
				if (*c == '*' && start)
					n += (size_t)snprintf(
					    params + n, sizeof(params) - n,
					    "%s%s",
					    k == 0 ? "filename" : "name",
					    c[1] >= '0' && c[1] <= '9' ? "*"
								       : "");
				else
					params[n++] = *c;
			}
			params[n] = '\0';
			file_is_named(k == 0 ? "Content-Type: a/b\r\n"
					       "Content-Disposition: "
					       "attachment; "
					     : "Content-Type: a/b; ",
				      params, cases[i][1]);
		}
	}
}

/* ---- charsets -------------------------------------------------------------
 */

static void
text_reads(const char *charset, struct span bytes, const char *want)
{
	struct buf text, out;
	struct mime *m;
	struct err e = { .msg = "" };

	buf_init(&text, 1 << 16);
	buf_init(&out, 1 << 16);
	(void)buf_addf(&text, "Content-Type: text/plain; charset=%s\r\n\r\n",
		       charset);
	(void)buf_add_span(&text, bytes);
	m = parse_bytes(buf_span(&text));
	saves(m, 1, bytes);
	assert_int_equal(mime_render(m, &PLAIN, &out, &e), 0);
	if (out.n > 0)
		out.n--;
	if (!span_eq(buf_span(&out), span_of(want)))
		fail_msg("%s: \"%.*s\", wanted \"%s\"", charset,
			 SPAN_ARG(buf_span(&out)), want);
	mime_free(&m);
	buf_free(&text);
	buf_free(&out);
}

static const struct {
	const char *charset, *bytes, *want;
} CHARSETS[] = {
	{ "utf8", "caf\xC3\xA9", "café" },
	{ "UTF_8", "caf\xC3\xA9", "café" },
	{ "\"utf-8\"", "caf\xC3\xA9", "café" },
	{ "'utf-8'", "caf\xC3\xA9", "café" },
	{ "utf-8 (comment)", "caf\xC3\xA9", "café" },
	{ "utf-8//IGNORE", "caf\xC3\xA9", "café" },
	{ "cp65001", "caf\xC3\xA9", "café" },
	{ "utf-8",
	  "\xEF\xBB\xBF"
	  "caf\xC3\xA9",
	  "café" },
	/* bytes that are none stay to be seen */
	{ "utf-8", "a\xFFz \xC3\xA9 \xE6\x97",
	  "a\xEF\xBF\xBDz é \xEF\xBF\xBD\xEF\xBF\xBD" },
	{ "utf-8", "a\xED\xA0\x80z", "a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz" },
	/* Latin-1 is mostly windows-1252 */
	{ "iso-8859-1", "\x93x\x94 \x80 caf\xE9", "“x” € café" },
	{ "latin1", "\x80", "€" },
	{ "iso8859-1", "\x80", "€" },
	{ "us-ascii", "\x80", "€" },
	{ "us-ascii", "caf\xC3\xA9", "café" },
	{ "ansi", "\x80", "€" },
	{ "cp-1252", "\x80", "€" },
	{ "windows 1252", "\x80", "€" },
	{ "win-1252", "\x80", "€" },
	{ "cp-1251", "\xCF", "П" },
	{ "x-cp1251", "\xCF", "П" },
	{ "windows_1251", "\xCF", "П" },
	{ "iso8859_15", "\xA4", "€" },
	{ "iso-8859-9", "\x80 \xFE", "€ ş" },
	{ "x-mac-roman", "\x8E", "é" },
	/* names that say nothing: what the bytes say */
	{ "x-unknown", "caf\xE9", "café" },
	{ "x-unknown", "caf\xC3\xA9", "café" },
	{ "unknown-8bit", "caf\xE9", "café" },
	{ "8bit", "caf\xC3\xA9", "café" },
	{ "x-klingon", "caf\xE9", "café" },
	{ "_charset", "caf\xC3\xA9", "café" },
	{ "\"\"", "caf\xE9", "café" },
	{ "%%CHARSET%%", "caf\xE9", "café" },
	/* the larger set is meant */
	{ "gb2312", "\xC4\xE3 \xE9\x71 \x81\x30\x86\x30", "你 閝 ¸" },
	{ "x-gbk", "\xE9\x71", "閝" },
	{ "ks_c_5601-1987", "\xC7\xD1 \x81\x41", "한 갂" },
	{ "ks_c_5601", "\xC7\xD1", "한" },
	{ "euc-kr", "\xC7\xD1 \x81\x41", "한 갂" },
	{ "shift_jis", "\x93\xFA \x87\x40", "日 ①" },
	{ "x-sjis", "\x93\xFA", "日" },
	{ "euc-jp", "\xC6\xFC \xAD\xA1", "日 ①" },
	{ "big5", "\xA4\xA4", "中" },
	{ "hz-gb-2312", "~{<:Ky2;~}x ~~", "己所不x ~" },
	{ "hz-gb-2312", "~{<:\nx", "己\nx" },
	/* a shift that is not taken back spoils one line at most */
	{ "iso-2022-jp", "\033$BF|K\\\033(B x", "日本 x" },
	{ "iso-2022-jp", "\033$BF|K\\\nnext\n\033$BF|", "日本\nnext\n日" },
	{ "cp50220", "\033$BF|\nnext", "日\nnext" },
	{ "iso-2022-jp", "\033$BF|K", "日\xEF\xBF\xBD" },
	{ "iso-2022-jp", "\033(I1\033(B x", "ｱ x" },
	{ "iso-2022-jp", "\033$(D\"C\033(B x", "¦ x" },
	{ "iso-2022-jp", "\x93\xFA", "日" },
	{ "iso-2022-jp", "caf\xC3\xA9", "café" },
	{ "utf-7", "caf+AOk-", "café" },
	{ "utf-7", "caf+AOk", "café" },
	{ "unicode-1-1-utf-7", "1 +- 1", "1 + 1" },
	{ "utf-7", "caf\xC3\xA9", "café" },
	/* held back by the converter until the end */
	{ "windows-1258", "caf\xE9", "café" },
	{ "windows-1258", "viet e", "viet e" },
	{ "windows-1255", "\xF9\xEC\xE5", "שלו" },
	{ "big5-hkscs", "\x88\x66", "Ê" },
	{ "utf-16", "plain text", "plain text" },
};

static const struct {
	const char *charset, *bytes;
	size_t n;
} WIDE[] = {
	{ "utf-16", "\xFE\xFF\0a\0\xE9", 6 },
	{ "utf-16",
	  "\xFF\xFE"
	  "a\0\xE9\0",
	  6 },
	{ "utf-16", "\0a\0\xE9", 4 },
	{ "utf-16", "a\0\xE9\0", 4 },
	{ "utf-16le", "a\0\xE9\0", 4 },
	{ "utf-16le",
	  "\xFF\xFE"
	  "a\0\xE9\0",
	  6 },
	{ "utf-16be", "\0a\0\xE9", 4 },
	{ "ucs-2", "a\0\xE9\0", 4 },
	{ "unicode", "a\0\xE9\0", 4 },
	{ "x-unknown",
	  "\xFF\xFE"
	  "a\0\xE9\0",
	  6 },
	{ "utf-32", "a\0\0\0\xE9\0\0\0", 8 },
	{ "utf-32", "\0\0\0a\0\0\0\xE9", 8 },
	{ "utf-32",
	  "\xFF\xFE\0\0"
	  "a\0\0\0\xE9\0\0\0",
	  12 },
};

static void
charsets_by_whatever_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(CHARSETS) / sizeof(CHARSETS[0]); i++)
		text_reads(CHARSETS[i].charset, span_of(CHARSETS[i].bytes),
			   CHARSETS[i].want);
	for (size_t i = 0; i < sizeof(WIDE) / sizeof(WIDE[0]); i++)
		text_reads(WIDE[i].charset, span_make(WIDE[i].bytes, WIDE[i].n),
			   "aé");
	/* half a character at the end */
	text_reads("utf-16be", span_make("\0a\0", 3), "a\xEF\xBF\xBD");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(encoded_words_are_read_as_they_were_meant),
		cmocka_unit_test(words_in_addresses),
		cmocka_unit_test(names_of_files_as_senders_write_them),
		cmocka_unit_test(charsets_by_whatever_name),
	};

	return cmocka_run_group_tests_name("shell/mime_words", tests,
					   mime_test_start, mime_test_stop);
}
