#include "../test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "shell/lex.h"

/* A unit as one text: words in [..], pieces marked T'..' B.. $.. (..), so that
 * a table can say what a line means. */
static void
show_word(const struct lex_word *w, struct buf *out)
{
	(void)buf_add_str(out, "[");
	for (const struct lex_piece *p = w->pieces; p != NULL; p = p->next) {
		static const char *const open[] = { "", "'", "$", "(" };
		static const char *const close[] = { "", "'", "", ")" };

		(void)buf_add_str(out, open[p->kind]);
		(void)buf_add_span(out, p->text);
		(void)buf_add_str(out, close[p->kind]);
	}
	(void)buf_add_str(out, "]");
}

static void
show_command(const struct lex_command *c, struct buf *out)
{
	static const char *const outputs[] = { "", " > ", " >> ", " | " };

	if ((c->prefixes & LEX_TRY) != 0)
		(void)buf_add_str(out, "try ");
	if ((c->prefixes & LEX_NOT) != 0)
		(void)buf_add_str(out, "not ");
	if (c->escape)
		(void)buf_addf(out, "!%.*s", SPAN_ARG(c->pipe));
	for (const struct lex_word *w = c->words; w != NULL; w = w->next)
		show_word(w, out);
	if (c->heredoc != NULL) {
		(void)buf_add_str(out, " <<");
		show_word(c->heredoc, out);
	}
	(void)buf_add_str(out, outputs[c->output]);
	if (c->target != NULL)
		show_word(c->target, out);
	if (c->output == LEX_OUT_PIPE)
		(void)buf_add_span(out, c->pipe);
	if (c->next != NULL)
		(void)buf_add_str(out, "; ");
}

static enum lex_result
lex(const char *text, char **shown, int *line, struct err *e)
{
	struct lex_command *c = NULL;
	struct arena a;
	struct buf out;
	struct span tag;
	enum lex_result r;

	arena_init(&a, 1024 * 1024);
	buf_init(&out, 1024 * 1024);
	*line = 1;
	r = lex_unit(span_of(text), line, &a, &c, &tag, e);
	for (; r == LEX_DONE && c != NULL; c = c->next)
		show_command(c, &out);
	(void)buf_add_char(&out, '\0');
	*shown = out.p; /* the buffer is handed over */
	arena_reset(&a);
	return r;
}

static void
lines_mean_what_the_table_says(void **state)
{
	static const struct {
		const char *text, *want;
	} t[] = {
		{ "", "" },
		{ "  # only a comment\n", "" },
		{ "list 3:7\n", "[list][3:7]" },
		{ "list # all of them\n", "[list]" },
		{ "echo a#b", "[echo][a#b]" },
		{ "a;b ; c\n", "[a]; [b]; [c]" },
		{ "echo 'a $x \\n'", "[echo]['a $x \\n']" },
		{ "echo \"a\\tb\"", "[echo]['''a''\t''b']" },
		{ "echo \"\\u{1F600}\"", "[echo]['''\xf0\x9f\x98\x80']" },
		{ "echo $x${y}z", "[echo][$x$yz]" },
		{ "echo \"$x is 5\"", "[echo][$x' is 5']" },
		{ "read $", "[read][$]" },
		{ "read 9:$ $-9:$", "[read][9:$][$-9:$]" },
		{ "echo $? $1", "[echo][$?][$1]" },
		{ "let n $(count \"a)\" unread)",
		  "[let][n][(count \"a)\" unread)]" },
		{ "echo $(a $(b))x", "[echo][(a $(b))x]" },
		{ "list subject:~^\\[ci\\]", "[list][subject:~^\\[ci\\]]" },
		{ "compose --to Bob <bob@x.org>",
		  "[compose][--to][Bob][<bob@x.org>]" },
		{ "list > out.txt", "[list] > [out.txt]" },
		{ "list >>'my file'", "[list] >> ['my file']" },
		{ "list size>1M", "[list][size>1M]" },
		{ "list | grep -c x; true", "[list] | grep -c x; true" },
		{ "try not send", "try not [send]" },
		{ "'try' send", "['try'][send]" },
		{ "!ls -l; pwd", "!ls -l; pwd" },
		{ "!", "!" },
		{ "a \\\n  b", "[a][b]" },
		{ "ab\\\ncd", "[abcd]" },
		{ "a\r\n", "[a]" },
		{ "m <<END\nhi $x\nEND\n", "[m] <<['hi '$x'\n']" },
		{ "m <<'END'\nhi $x\nEND\n", "[m] <<['hi $x\n']" },
		{ "m <<END\n\\$5 \\n\nEND", "[m] <<['$''5 ''\\''n\n']" },
		{ "m <<END\nEND\nlist", "[m] <<['']; [list]" },
		{ "m <<A; n <<B\n1\nA\n2\nB\n",
		  "[m] <<['1\n']; [n] <<['2\n']" },
		{ "m <<END --to x\r\nhi\r\nEND\r\n",
		  "[m][--to][x] <<['hi\r\n']" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		char *shown = NULL, want[300];
		struct err e = { 0 };
		int line;

		/* Empty quoted pieces are shown as ''; drop them. */
		assert_int_equal(lex(t[i].text, &shown, &line, &e), LEX_DONE);
		(void)snprintf(want, sizeof(want), "%s", t[i].want);
		for (char *p; (p = strstr(want, "''")) != NULL;)
			memmove(p, p + 2, strlen(p + 2) + 1);
		for (char *p; (p = strstr(shown, "''")) != NULL;)
			memmove(p, p + 2, strlen(p + 2) + 1);
		assert_string_equal(shown, want);
		free(shown);
	}
}

static void
unfinished_text_asks_for_more(void **state)
{
	static const char *const t[] = {
		"echo 'a",    "echo \"a",    "echo \"a\\",   "a \\\n",
		"ab\\\n",     "m <<END\nhi", "m <<END\n",    "echo $(a",
		"echo \"$(b", "m <<A <",     "echo 'a\nb\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		char *shown = NULL;
		struct err e = { 0 };
		int line;
		enum lex_result r = lex(t[i], &shown, &line, &e);

		assert_int_equal(r, LEX_MORE);
		assert_true(e.msg[0] != '\0');
		free(shown);
	}
}

static void
mistakes_name_their_line(void **state)
{
	static const struct {
		const char *text;
		int line;
	} t[] = {
		{ "> x", 1 },
		{ "a\n| b", 2 },
		{ "a >\n", 1 },
		{ "a > b > c", 1 },
		{ "a |\n", 1 },
		{ "try\n", 1 },
		{ "a\nb\n\"\\q\"", 3 },
		{ "echo \"\\u{110000}\"", 1 },
		{ "echo \"\\u{d800}\"", 1 },
		{ "echo ${a b}", 1 },
		{ "m << END", 1 },
		{ "m <<E-D\n", 1 },
		{ "m <<A <<B\n", 1 },
		{ "m <<A\n1\n${\nA\n", 3 },
		{ "<<END\n", 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		char *shown = NULL;
		struct err e = { 0 };
		int line;

		assert_int_equal(lex(t[i].text, &shown, &line, &e), LEX_ERROR);
		assert_int_equal(line, t[i].line);
		free(shown);
	}
}

static void
bounds_hold(void **state)
{
	struct buf b;
	char *shown = NULL;
	struct err e;
	int line;

	(void)state;
	buf_init(&b, 1024 * 1024);
	for (int i = 0; i <= LEX_WORDS_MAX; i++)
		assert_int_equal(buf_add_str(&b, "a "), 0);
	assert_int_equal(buf_add_char(&b, '\0'), 0);
	assert_int_equal(lex(b.p, &shown, &line, &e), LEX_ERROR);
	free(shown);
	/* Nesting is bounded, not recursed into. */
	buf_clear(&b);
	assert_int_equal(buf_add_str(&b, "echo "), 0);
	for (int i = 0; i < 10000; i++)
		assert_int_equal(buf_add_str(&b, "$(a "), 0);
	for (int i = 0; i < 10000; i++)
		assert_int_equal(buf_add_char(&b, ')'), 0);
	assert_int_equal(buf_add_char(&b, '\0'), 0);
	assert_int_equal(lex(b.p, &shown, &line, &e), LEX_MORE);
	free(shown);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_mean_what_the_table_says),
		cmocka_unit_test(unfinished_text_asks_for_more),
		cmocka_unit_test(mistakes_name_their_line),
		cmocka_unit_test(bounds_hold),
	};

	return cmocka_run_group_tests_name("shell/lex", tests, NULL, NULL);
}
