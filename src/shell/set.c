#include "shell/set.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/option.h"

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

enum value_type { VALUE_TEXT, VALUE_HEADER, VALUE_SIZE, VALUE_DAY, VALUE_SPAN };

static const struct {
	const char *key; /* with the mark after it */
	enum set_kind kind;
	enum value_type type;
} keys[] = {
	{ "from:", SET_FROM, VALUE_TEXT },
	{ "to:", SET_TO, VALUE_TEXT },
	{ "cc:", SET_CC, VALUE_TEXT },
	{ "subject:", SET_SUBJECT, VALUE_TEXT },
	{ "body:", SET_BODY, VALUE_TEXT },
	{ "text:", SET_TEXT, VALUE_TEXT },
	{ "header:", SET_HEADER, VALUE_HEADER },
	{ "list:", SET_LIST, VALUE_TEXT },
	{ "id:", SET_ID, VALUE_TEXT },
	{ "uid:", SET_UID, VALUE_TEXT },
	{ "size>", SET_SIZE_OVER, VALUE_SIZE },
	{ "size<", SET_SIZE_UNDER, VALUE_SIZE },
	{ "since:", SET_SINCE, VALUE_DAY },
	{ "before:", SET_BEFORE, VALUE_DAY },
	{ "on:", SET_ON, VALUE_DAY },
	{ "newer:", SET_NEWER, VALUE_SPAN },
	{ "older:", SET_OLDER, VALUE_SPAN },
};

static bool
two_digits(const char *p, int low, int high, int *value)
{
	if (!span_is_digit(p[0]) || !span_is_digit(p[1]))
		return false;
	*value = (p[0] - '0') * 10 + (p[1] - '0');
	return *value >= low && *value <= high;
}

/* 2026-11-23, midnight here. */
static bool
parse_day(struct span v, int64_t *at)
{
	int century, year, month, day;
	struct tm tm = { .tm_isdst = -1 };
	time_t t;

	if (v.n != 10 || v.p[4] != '-' || v.p[7] != '-' ||
	    !two_digits(v.p, 19, 99, &century) ||
	    !two_digits(v.p + 2, 0, 99, &year) ||
	    !two_digits(v.p + 5, 1, 12, &month) ||
	    !two_digits(v.p + 8, 1, 31, &day))
		return false;
	tm.tm_year = century * 100 + year - 1900;
	tm.tm_mon = month - 1;
	tm.tm_mday = day;
	t = mktime(&tm);
	if (t == (time_t)-1 || tm.tm_mday != day)
		return false;
	*at = (int64_t)t;
	return true;
}

static int
text_value(struct parser *p, struct set_step *step, struct span word)
{
	char pattern[512];

	if (step->text.n == 0)
		return usage(p, "a value is missing", word);
	if (step->text.p[0] != '~')
		return SHELL_OK;
	step->text = span_skip(step->text, 1);
	if (span_copy(step->text, pattern, sizeof(pattern)) != 0 ||
	    regcomp(&step->regex, pattern,
		    REG_EXTENDED | REG_ICASE | REG_NOSUB) != 0)
		return usage(p, "not a regular expression", word);
	step->has_regex = true;
	return SHELL_OK;
}

static int
header_value(struct parser *p, struct set_step *step, struct span word)
{
	long eq = span_find(step->text, '=', 0);

	if (eq <= 0)
		return usage(p, "write header:NAME=VALUE", word);
	step->name = span_head(step->text, (size_t)eq);
	step->text = span_skip(step->text, (size_t)eq + 1);
	return text_value(p, step, word);
}

static int
key_value(struct parser *p, struct set_step *step, enum value_type type,
	  struct span word)
{
	int64_t ms;

	switch (type) {
	case VALUE_TEXT:
		return text_value(p, step, word);
	case VALUE_HEADER:
		return header_value(p, step, word);
	case VALUE_SIZE:
		if (option_parse_size(step->text, &step->number) != 0)
			return usage(p, "not a size (10K, 2M)", word);
		return SHELL_OK;
	case VALUE_DAY:
		if (!parse_day(step->text, &step->number))
			return usage(p, "not a day (2026-11-23)", word);
		return SHELL_OK;
	case VALUE_SPAN:
		if (option_parse_time(step->text, &ms) != 0)
			return usage(p, "not a time (7d, 12h)", word);
		step->number = p->now_s - ms / 1000;
		return SHELL_OK;
	}
	return SHELL_USAGE;
}

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
		return key_value(p, step, keys[i].type, word);
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

void
set_free(struct set *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->step[i].has_regex)
			regfree(&s->step[i].regex);
	s->n = 0;
}

bool
set_needs(const struct set *s, enum set_kind from, enum set_kind to)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->step[i].kind >= from && s->step[i].kind <= to)
			return true;
	return false;
}

bool
set_text_matches(const struct set_step *step, const char *subject)
{
	struct span s = span_of(subject);

	if (subject == NULL)
		return false;
	if (step->has_regex)
		return regexec(&step->regex, subject, 0, NULL, 0) == 0;
	for (; s.n >= step->text.n; s = span_skip(s, 1)) {
		if (span_starts_nocase(s, step->text))
			return true;
		if (s.n == 0)
			break;
	}
	return false;
}

static int64_t
position(const struct set_pos *pos, const struct set_view *v)
{
	if (pos->base == '.')
		return v->current + pos->n;
	return pos->base == '$' ? v->highest + pos->n : pos->n;
}

static bool
in_range(const struct set_step *step, const struct set_view *v, uint32_t n)
{
	int64_t a = position(&step->from, v), b = position(&step->to, v);

	if (v->current == 0 && (step->from.base == '.' || step->to.base == '.'))
		return false;
	return a <= b ? n >= a && n <= b : n >= b && n <= a;
}

int
set_matches(const struct set *s, const struct set_view *view, uint32_t n,
	    struct err *e)
{
	bool stack[SET_STEPS_MAX + 1] = { false };
	size_t top = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct set_step *step = &s->step[i];
		bool yes = true;

		if (step->kind == SET_NOT) {
			stack[top - 1] = !stack[top - 1];
			continue;
		}
		if (step->kind == SET_AND || step->kind == SET_OR) {
			top--;
			stack[top - 1] = step->kind == SET_AND
					     ? stack[top - 1] && stack[top]
					     : stack[top - 1] || stack[top];
			continue;
		}
		if (step->kind == SET_RANGE)
			yes = in_range(step, view, n);
		else if (step->kind != SET_ALL &&
			 view->test(view->ctx, n, step, &yes, e) != 0)
			return -1;
		stack[top++] = yes;
	}
	return top > 0 && stack[0];
}
