#include "shell/set_private.h"

#include <string.h>

/*
 * The grammar (doc/shell.md) is parsed with an operator stack: "or" binds
 * less than standing side by side, that less than "not".  `want` tells whether
 * an operand must come next, so that no stack entry can be missing later.
 */
struct parser {
	struct set *s;
	enum set_kind stack[SET_STEPS_MAX];
	size_t n_stack;
	bool want;
	int64_t now_s;
	struct failure *f;
};

static int
usage(struct parser *p, const char *what, struct span where)
{
	return failure_set(p->f, SHELL_USAGE, "%s in `%.*s`", what,
			   SPAN_ARG(where));
}

static struct set_step *
push(struct parser *p, enum set_kind kind)
{
	if (p->s->n == SET_STEPS_MAX) {
		(void)failure_set(p->f, SHELL_USAGE, "the set is too long");
		return NULL;
	}
	struct set_step *step = &p->s->step[p->s->n++];

	memset(step, 0, sizeof(*step));
	step->kind = kind;
	return step;
}

static int
pop_to_output(struct parser *p)
{
	return push(p, p->stack[--p->n_stack]) == NULL ? -1 : 0;
}

/* kinds are ordered: AND, OR, NOT; a higher binding number goes first. */
static int
binding(enum set_kind k)
{
	return k == SET_NOT ? 3 : k == SET_AND ? 2 : k == SET_OR ? 1 : 0;
}

static int
operator(struct parser *p, enum set_kind k)
{
	/* "not" stands before its operand, so nothing is reduced for it. */
	while (k != SET_NOT && p->n_stack > 0 &&
	       binding(p->stack[p->n_stack - 1]) >= binding(k))
		if (pop_to_output(p) != 0)
			return SHELL_USAGE;
	if (p->n_stack == SET_STEPS_MAX)
		return failure_set(p->f, SHELL_USAGE, "the set is too long");
	p->stack[p->n_stack++] = k;
	return SHELL_OK;
}

/* An operand comes: side by side means "and". */
static int
before_operand(struct parser *p)
{
	if (!p->want && operator(p, SET_AND) != SHELL_OK)
		return SHELL_USAGE;
	p->want = false;
	return SHELL_OK;
}

/* ---- ranges ---------------------------------------------------------------
 */

static bool
parse_pos(struct span *s, struct set_pos *pos)
{
	uint64_t n = 0;
	size_t i = 0;
	int sign = 1;

	*pos = (struct set_pos){ 0, 0 };
	if (s->n > 0 && (s->p[0] == '.' || s->p[0] == '$')) {
		pos->base = s->p[0];
		*s = span_skip(*s, 1);
		if (s->n == 0 || (s->p[0] != '+' && s->p[0] != '-'))
			return true;
		sign = s->p[0] == '-' ? -1 : 1;
		*s = span_skip(*s, 1);
	}
	while (i < s->n && i < 9 && span_is_digit(s->p[i]))
		n = n * 10 + (uint64_t)(s->p[i++] - '0');
	if (i == 0 || (i < s->n && span_is_digit(s->p[i])))
		return false;
	pos->n = (int64_t)n * sign;
	*s = span_skip(*s, i);
	return true;
}

static int
parse_ranges(struct parser *p, struct span word)
{
	struct span rest = word;

	for (bool first = true;; first = false) {
		struct set_step *step;
		struct set_pos from, to;

		if (!parse_pos(&rest, &from))
			return usage(p, "not a message number", word);
		to = from;
		if (rest.n > 0 && rest.p[0] == ':') {
			rest = span_skip(rest, 1);
			if (!parse_pos(&rest, &to))
				return usage(p, "not a message number", word);
		}
		if (rest.n > 0 && strchr("=^_", rest.p[0]) != NULL)
			return usage(p, "threads are not known to POP3", word);
		if (rest.n > 0 && rest.p[0] != ',')
			return usage(p, "not a message number", word);
		step = push(p, SET_RANGE);
		if (step == NULL)
			return SHELL_USAGE;
		step->from = from;
		step->to = to;
		if (!first && push(p, SET_OR) == NULL)
			return SHELL_USAGE;
		if (rest.n == 0)
			return SHELL_OK;
		rest = span_skip(rest, 1);
	}
}

/* ---- words and keys -------------------------------------------------------
 */

static const struct {
	const char *word;
	enum set_kind kind;
} words[] = {
	{ "all", SET_ALL },         { "new", SET_NEW },
	{ "unread", SET_UNREAD },   { "read", SET_READ },
	{ "deleted", SET_DELETED }, { "last", SET_LAST },
};

static const struct {
	const char *key; /* with the mark after it */
	enum set_kind kind;
	enum set_value_type type;
} keys[] = {
	{ "from:", SET_FROM, SET_VALUE_TEXT },
	{ "to:", SET_TO, SET_VALUE_TEXT },
	{ "cc:", SET_CC, SET_VALUE_TEXT },
	{ "subject:", SET_SUBJECT, SET_VALUE_TEXT },
	{ "body:", SET_BODY, SET_VALUE_TEXT },
	{ "text:", SET_TEXT, SET_VALUE_TEXT },
	{ "header:", SET_HEADER, SET_VALUE_HEADER },
	{ "list:", SET_LIST, SET_VALUE_TEXT },
	{ "id:", SET_ID, SET_VALUE_TEXT },
	{ "uid:", SET_UID, SET_VALUE_TEXT },
	{ "size>", SET_SIZE_OVER, SET_VALUE_SIZE },
	{ "size<", SET_SIZE_UNDER, SET_VALUE_SIZE },
	{ "since:", SET_SINCE, SET_VALUE_DAY },
	{ "before:", SET_BEFORE, SET_VALUE_DAY },
	{ "on:", SET_ON, SET_VALUE_DAY },
	{ "newer:", SET_NEWER, SET_VALUE_SPAN },
	{ "older:", SET_OLDER, SET_VALUE_SPAN },
};

static int
parse_has(struct parser *p, struct span word)
{
	if (span_eq(word, span_of("has:attachment")))
		return push(p, SET_ATTACHMENT) == NULL ? SHELL_USAGE : SHELL_OK;
	if (span_starts_nocase(word, span_of("has:")))
		return usage(p, "only has:attachment is known", word);
	if (span_starts_nocase(word, span_of("tag:")))
		return usage(p, "POP3 keeps no tags", word);
	if (span_eq(word, span_of("flagged")) ||
	    span_eq(word, span_of("answered")) ||
	    span_eq(word, span_of("draft")))
		return usage(p, "POP3 keeps no flags", word);
	return usage(p, "not a message set", word);
}

static int
parse_atom(struct parser *p, struct span word)
{
	struct span bare = word;

	if (word.n > 0 &&
	    (span_is_digit(word.p[0]) || word.p[0] == '.' || word.p[0] == '$'))
		return parse_ranges(p, word);
	if (span_starts_nocase(word, span_of("is:")))
		bare = span_skip(word, 3);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (span_eq(bare, span_of(words[i].word)))
			return push(p, words[i].kind) == NULL ? SHELL_USAGE
							      : SHELL_OK;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct span key = span_of(keys[i].key);
		struct set_step *step;

		if (!span_starts_nocase(word, key))
			continue;
		step = push(p, keys[i].kind);
		if (step == NULL)
			return SHELL_USAGE;
		step->text = span_skip(word, key.n);
		return set_value(step, keys[i].type, word, p->now_s, p->f);
	}
	return parse_has(p, bare);
}

/* ---- the words in turn ----------------------------------------------------
 */

static int
close_group(struct parser *p)
{
	if (p->want)
		return failure_set(p->f, SHELL_USAGE,
				   "something is missing "
				   "before )");
	while (p->n_stack > 0 && p->stack[p->n_stack - 1] != SET_OPEN)
		if (pop_to_output(p) != 0)
			return SHELL_USAGE;
	if (p->n_stack == 0)
		return failure_set(p->f, SHELL_USAGE, ") without (");
	p->n_stack--;
	return SHELL_OK;
}

static int
open_group(struct parser *p)
{
	int rc = before_operand(p);

	if (rc != SHELL_OK)
		return rc;
	if (p->n_stack == SET_STEPS_MAX)
		return failure_set(p->f, SHELL_USAGE, "the set is too long");
	p->stack[p->n_stack++] = SET_OPEN;
	p->want = true;
	return SHELL_OK;
}

static int
parse_term(struct parser *p, struct span word, bool bare)
{
	int rc;

	if (bare && span_eq(word, span_of("or"))) {
		if (p->want)
			return failure_set(p->f, SHELL_USAGE,
					   "something is missing before `or`");
		p->want = true;
		return operator(p, SET_OR);
	}
	rc = before_operand(p);
	if (rc != SHELL_OK)
		return rc;
	if (bare && span_eq(word, span_of("not"))) {
		p->want = true;
		return operator(p, SET_NOT);
	}
	return parse_atom(p, word);
}

/* Parentheses may stick to a word; one inside a value, as in
 * subject:(draft), belongs to the value. */
static int
parse_word(struct parser *p, const struct arg *a)
{
	struct span w = arg_span(a);
	size_t bare = a->bare, closing = 0;
	int rc = SHELL_OK;

	while (rc == SHELL_OK && w.n > 0 && bare > 0 && w.p[0] == '(') {
		rc = open_group(p);
		w = span_skip(w, 1);
		bare--;
	}
	if (bare == w.n) {
		long depth = 0;

		for (size_t i = 0; i < w.n; i++)
			depth += (w.p[i] == ')') - (w.p[i] == '(');
		while (depth > 0 && w.n > 0 && w.p[w.n - 1] == ')') {
			w.n--;
			depth--;
			closing++;
		}
	}
	if (rc == SHELL_OK && w.n > 0)
		rc = parse_term(p, w, bare > 0);
	else if (rc == SHELL_OK && a->n == 0)
		rc = usage(p, "an empty word", w);
	while (rc == SHELL_OK && closing-- > 0)
		rc = close_group(p);
	return rc;
}

int
set_parse(struct set *s, const struct arg *args, size_t n, int64_t now_s,
	  struct failure *f)
{
	struct parser p = { .s = s, .want = true, .now_s = now_s, .f = f };

	s->n = 0;
	for (size_t i = 0; i < n; i++) {
		int rc = parse_word(&p, &args[i]);

		if (rc != SHELL_OK)
			return rc;
	}
	if (n == 0)
		return SHELL_OK;
	if (p.want)
		return failure_set(f, SHELL_USAGE, "the set ends too early");
	while (p.n_stack > 0) {
		if (p.stack[p.n_stack - 1] == SET_OPEN)
			return failure_set(f, SHELL_USAGE, "( is not closed");
		if (pop_to_output(&p) != 0)
			return SHELL_USAGE;
	}
	return SHELL_OK;
}
