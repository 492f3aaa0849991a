/*
 * A script as mailsh reads it: cut into units, words expanded, options parsed,
 * message sets parsed and asked; nothing is run.  Lines and pieces must stay
 * inside the text, and what a unit says is open must close by more text only.
 */
#include "fuzz.h"

#include <stdlib.h>

#include "shell/command.h"
#include "shell/contacts.h"
#include "shell/expand.h"
#include "shell/lex.h"
#include "shell/redact.h"
#include "shell/set.h"

static int
value(void *ctx, struct span name, struct buf *out, struct err *e)
{
	(void)ctx;
	if (name.n > 8)
		return err_set(e, ERR_PERM, 0, "not set");
	return buf_add_span(out, name);
}

static int
fake_test(void *ctx, uint32_t n, const struct set_step *step, bool *yes,
	  struct err *e)
{
	(void)ctx;
	(void)e;
	*yes = n % 2 == 0 || set_text_matches(step, "Subject (of) a mail");
	return 0;
}

static void
try_set(const struct arg *words, size_t n)
{
	const struct set_view view = { 3, 7, fake_test, NULL };
	struct set *s = calloc(1, sizeof(*s));
	struct failure f;
	struct err e;

	if (s == NULL)
		return;
	/* regcomp(3) is glibc's: long patterns are slow and not our matter. */
	for (size_t i = 0; i < n; i++)
		if (words[i].n > 60)
			goto out;
	if (set_parse(s, words, n, 1000000000, &f) == SHELL_OK)
		for (uint32_t i = 1; i <= 7; i++)
			FUZZ_CHECK(set_matches(s, &view, i, &e) >= 0);
	else
		FUZZ_CHECK(f.status == SHELL_USAGE && f.text[0] != '\0');
out:
	set_free(s);
	free(s);
}

static void
try_command(const struct lex_command *c, struct arena *a)
{
	const struct expand_source from = { NULL, value, value };
	struct arg *words = arena_alloc(a, (c->n_words + 1) * sizeof(*words));
	struct args *args = arena_alloc(a, sizeof(*args));
	const struct command *cmd;
	struct failure f;
	struct err e;
	size_t n = 0;

	if (words == NULL || args == NULL)
		return;
	for (const struct lex_word *w = c->words; w != NULL; w = w->next) {
		if (expand_word(w, &from, a, &words[n], &e) != 0)
			return;
		FUZZ_CHECK(words[n].bare <= words[n].n);
		n++;
	}
	FUZZ_CHECK(n == c->n_words);
	if (n == 0)
		return;
	args->arena = a;
	cmd = command_find(arg_span(&words[0]), true, &f);
	if (cmd == NULL)
		FUZZ_CHECK(f.status == SHELL_USAGE);
	else
		(void)command_parse(cmd, words, n, true, args, &f);
	try_set(words + 1, n - 1);
}

static void
try_text(struct span text)
{
	struct contacts c = { 0 };
	struct buf b;
	struct err e;

	buf_init(&b, 1024 * 1024);
	(void)redact_line(text, &b);
	buf_clear(&b);
	(void)contacts_parse(&c, text, "contacts", NULL, &e);
	(void)contacts_resolve(&c, text, &b, &e);
	contacts_free(&c);
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_make((const char *)data, size), tag;
	struct lex_command *c;
	struct arena a;
	struct err e;
	int line = 1, lines = 1;

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	arena_init(&a, 16 * 1024 * 1024);
	switch (lex_unit(text, &line, &a, &c, &tag, &e)) {
	case LEX_DONE:
		for (; c != NULL; c = c->next) {
			FUZZ_CHECK(c->line >= 1 && c->line <= lines);
			FUZZ_CHECK(c->n_words > 0 || c->escape);
			try_command(c, &a);
		}
		break;
	case LEX_MORE:
	case LEX_ERROR:
		FUZZ_CHECK(e.msg[0] != '\0');
		break;
	}
	FUZZ_CHECK(line >= 1 && line <= lines);
	try_text(text);
	arena_reset(&a);
	return 0;
}
