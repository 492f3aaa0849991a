#include "shell/set.h"

/* Asking a parsed set (set_parse.c) about a message. */

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
			return true; /* no text is in all */
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
