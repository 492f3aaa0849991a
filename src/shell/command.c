#include "shell/command.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/conf.h"
#include "shell/lex.h"

static const struct {
	const char *alias, *name;
} aliases[] = {
	{ "ls", "list" },          { "cat", "read" },  { "rm", "delete" },
	{ "r", "reply" },          { "m", "compose" }, { "d", "delete" },
	{ "contacts", "contact" }, { "quit", "exit" }, { "q", "exit" },
	{ "?", "help" },
};

static const struct command_option common[] = {
	{ "table", 0, NULL, COMPLETE_NONE, "aligned columns" },
	{ "tsv", 0, NULL, COMPLETE_NONE, "tab separated" },
	{ "json", 0, NULL, COMPLETE_NONE, "one JSON object a line" },
	{ NULL, 0, NULL, COMPLETE_NONE, NULL },
};

enum { NAMES_MAX = 64 };

static int
unknown(struct span name, struct failure *f)
{
	const char *names[NAMES_MAX], *near = NULL;
	size_t n = 0;
	char word[40];

	for (const struct command *c = command_table();
	     c->name != NULL && n < NAMES_MAX; c++)
		names[n++] = c->name;
	(void)failure_set(f, SHELL_USAGE, "%.*s: unknown command",
			  SPAN_ARG(name));
	f->symbol = "unknown-command";
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
		if (strlen(aliases[i].alias) > 2 && n < NAMES_MAX)
			names[n++] = aliases[i].alias;
	if (span_copy(name, word, sizeof(word)) == 0)
		near = conf_nearest(word, names, n);
	if (near != NULL)
		failure_hint(f, "did you mean `%s`?", near);
	else
		failure_hint(f, "`help` lists the commands");
	return SHELL_USAGE;
}

static const struct command *
find_exact(struct span name)
{
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
		if (span_eq(name, span_of(aliases[i].alias)))
			name = span_of(aliases[i].name);
	for (const struct command *c = command_table(); c->name != NULL; c++)
		if (span_eq(name, span_of(c->name)))
			return c;
	return NULL;
}

const struct command *
command_find(struct span name, bool typed, struct failure *f)
{
	const struct command *c = find_exact(name), *found = NULL;
	char list[300] = "";
	size_t n = 0, used = 0;

	if (c != NULL)
		return c;
	/* Prefixes would break scripts when a verb is added: typing only. */
	for (c = command_table(); typed && name.n > 0 && c->name != NULL; c++) {
		if (strncmp(c->name, name.p, name.n) != 0)
			continue;
		found = c;
		n++;
		if (used < sizeof(list))
			used += (size_t)snprintf(list + used,
						 sizeof(list) - used, "%s%s",
						 n > 1 ? ", " : "", c->name);
	}
	if (n == 1)
		return found;
	if (n == 0) {
		(void)unknown(name, f);
		return NULL;
	}
	(void)failure_set(f, SHELL_USAGE, "%.*s: could be %s", SPAN_ARG(name),
			  list);
	f->symbol = "ambiguous";
	return NULL;
}

/* ---- options --------------------------------------------------------------
 */

static const struct command_option *
option_in(const struct command_option *o, struct span name, char letter)
{
	for (; o != NULL && o->name != NULL; o++) {
		if (letter != 0 ? o->letter == letter
				: span_eq(name, span_of(o->name)))
			return o;
	}
	return NULL;
}

static const struct command_option *
option_find(const struct command *c, struct span name, char letter, bool typed)
{
	const struct command_option *o = option_in(c->options, name, letter);
	const struct command_option *only = NULL;

	if (o == NULL)
		o = option_in(common, name, letter);
	if (o != NULL || !typed || letter != 0 || name.n == 0)
		return o;
	for (o = c->options; o != NULL && o->name != NULL; o++) {
		if (strncmp(o->name, name.p, name.n) != 0)
			continue;
		if (only != NULL)
			return NULL;
		only = o;
	}
	return only;
}

static void
hint_usage(const struct command *c, struct failure *f)
{
	failure_hint(f, "usage: %s%s%s", c->name,
		     c->usage[0] == '\0' ? "" : " ", c->usage);
}

static int
unknown_option(const struct command *c, const struct arg *word,
	       struct failure *f)
{
	const char *names[NAMES_MAX], *near = NULL;
	size_t n = 0;

	for (const struct command_option *o = c->options;
	     o != NULL && o->name != NULL && n < NAMES_MAX; o++)
		names[n++] = o->name;
	for (const struct command_option *o = common;
	     o->name != NULL && n < NAMES_MAX; o++)
		names[n++] = o->name;
	/* its value may be a password */
	(void)failure_set(f, SHELL_USAGE, "unknown option %.*s",
			  (int)strcspn(word->text, "="), word->text);
	f->symbol = "unknown-option";
	if (word->n > 2 && word->n < 40)
		near = conf_nearest(word->text + 2, names, n);
	if (near != NULL)
		failure_hint(f, "did you mean `--%s`?", near);
	else if (c->options != NULL)
		failure_hint(f, "`help %s` lists its options", c->name);
	else
		hint_usage(c, f);
	return SHELL_USAGE;
}

static int
take_common(struct args *a, const struct command_option *o)
{
	static const enum output_format formats[] = { FORMAT_TABLE, FORMAT_TSV,
						      FORMAT_JSON };

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (o == &common[i]) {
			a->format = formats[i];
			return 1;
		}
	}
	return 0;
}

/* A name and the address in brackets behind it, which the line has as two
 * words. */
static int
join_address(struct args *a, const struct command_option *o, struct arg name,
	     struct arg address, struct failure *f)
{
	struct buf both;
	struct arg value = { NULL, 0, 0 };

	buf_init(&both, LEX_UNIT_MAX);
	if (buf_add_span(&both, arg_span(&name)) == 0 &&
	    buf_add_char(&both, ' ') == 0 &&
	    buf_add_span(&both, arg_span(&address)) == 0)
		value.text = arena_str(a->arena, buf_span(&both));
	value.n = both.n;
	buf_free(&both);
	if (value.text == NULL)
		return failure_set(f, SHELL_LOCAL, "the command is too large");
	if (a->n_options == ARGS_OPTIONS_MAX)
		return failure_set(f, SHELL_USAGE, "too many options");
	a->option[a->n_options++] = (struct args_option){ o, value };
	return SHELL_OK;
}

/* words[*i] begins with '-'.  A status. */
static int
take_option(const struct command *c, const struct arg *words, size_t n,
	    size_t *i, bool typed, struct args *a, struct failure *f)
{
	const struct arg *w = &words[*i];
	bool is_long = w->n > 2 && w->text[1] == '-';
	struct span name = span_make(w->text + 2, is_long ? w->n - 2 : 0);
	long eq = is_long ? span_find(name, '=', 0) : -1;
	const struct command_option *o;
	struct arg value = { "", 0, 0 };

	if (eq >= 0) {
		size_t skip = (size_t)eq + 3;

		value.text = w->text + skip;
		value.n = w->n - skip;
		value.bare = w->bare > skip ? w->bare - skip : 0;
		name.n = (size_t)eq;
	}
	if (!is_long && w->n != 2)
		return unknown_option(c, w, f);
	o = option_find(c, name, is_long ? 0 : w->text[1], typed);
	if (o == NULL)
		return unknown_option(c, w, f);
	if (o->value == NULL && eq >= 0)
		return failure_set(f, SHELL_USAGE, "--%s takes no value",
				   o->name);
	if (take_common(a, o))
		return SHELL_OK;
	if (o->value != NULL && eq < 0) {
		if (*i + 1 >= n)
			return failure_set(f, SHELL_USAGE, "--%s wants %s",
					   o->name, o->value);
		value = words[++*i];
		/* --to Bob <bob@xyz.com> */
		if (o->complete == COMPLETE_ADDRESS && *i + 1 < n &&
		    words[*i + 1].bare > 1 && words[*i + 1].text[0] == '<' &&
		    memchr(value.text, '@', value.n) == NULL)
			return join_address(a, o, value, words[++*i], f);
	}
	if (a->n_options == ARGS_OPTIONS_MAX)
		return failure_set(f, SHELL_USAGE, "too many options");
	a->option[a->n_options++] = (struct args_option){ o, value };
	return SHELL_OK;
}

int
command_parse(const struct command *c, const struct arg *words, size_t n,
	      bool typed, struct args *a, struct failure *f)
{
	struct arg *operand = arena_alloc(a->arena, (n + 1) * sizeof(*operand));
	bool options = (c->flags & COMMAND_RAW) == 0;
	int rc;

	if (operand == NULL)
		return failure_set(f, SHELL_LOCAL, "the command is too large");
	a->command = c;
	for (size_t i = 1; i < n; i++) {
		if (options && words[i].bare == 2 && words[i].n == 2 &&
		    strcmp(words[i].text, "--") == 0) {
			options = false;
		} else if (options && words[i].bare > 0 && words[i].n > 1 &&
			   words[i].text[0] == '-') {
			rc = take_option(c, words, n, &i, typed, a, f);
			if (rc != SHELL_OK)
				return rc;
		} else {
			operand[a->n++] = words[i];
		}
	}
	a->operand = operand;
	if (a->has_body && (c->flags & COMMAND_HEREDOC) == 0)
		return failure_set(f, SHELL_USAGE, "it takes no << text");
	if (a->n >= c->min && a->n <= c->max)
		return SHELL_OK;
	(void)failure_set(f, SHELL_USAGE, "too %s arguments",
			  a->n < c->min ? "few" : "many");
	hint_usage(c, f);
	return SHELL_USAGE;
}

const struct arg *
args_next(const struct args *a, const char *name, size_t *i)
{
	while (*i < a->n_options) {
		const struct args_option *o = &a->option[(*i)++];

		if (strcmp(o->option->name, name) == 0)
			return &o->value;
	}
	return NULL;
}

const struct arg *
args_value(const struct args *a, const char *name)
{
	const struct arg *last = NULL, *v;
	size_t i = 0;

	while ((v = args_next(a, name, &i)) != NULL)
		last = v;
	return last;
}

bool
args_has(const struct args *a, const char *name)
{
	return args_value(a, name) != NULL;
}
