#include <string.h>

#include "shell/mime_private.h"

/*
 * Where the tags and comments of HTML end.  What a browser takes to the end of
 * the document because it was never closed hides nothing here: the text of a
 * mail must not vanish by a missing "-->".  Each search that finds nothing is
 * made once, so that the time stays linear.
 */
static const char *const HIDING[] = { "style", "script", "title" };

_Static_assert(sizeof(HIDING) / sizeof(HIDING[0]) == MIME_TAG_HIDING,
	       "as struct mime_tags has it");

static bool
is_space(char c)
{
	return span_is_blank(c) || c == '\n' || c == '\r' || c == '\f';
}

bool
mime_tag_begins(struct span s)
{
	unsigned char c = s.n > 1 ? span_lower(s.p[1]) : ' ';

	return s.n > 0 && s.p[0] == '<' &&
	       ((c >= 'a' && c <= 'z') || c == '/' || c == '!' || c == '?');
}

/* HTML 13.2.5.43 to 51: "--!>" ends a comment, too, and "<!-->" is one. */
static size_t
comment_end(struct mime_tags *t, struct span s)
{
	enum { OPEN = 4 };

	for (size_t i = 2; !t->no_comment_end && i + 2 < s.n; i++) {
		const char *at = memmem(s.p + i, s.n - i, "--", 2);
		if (at == NULL)
			break;
		i = (size_t)(at - s.p);
		struct span behind = span_skip(s, i + 2);
		if (behind.n > 0 && behind.p[0] == '>')
			return i + 3;
		if (i >= OPEN && behind.n > 1 && behind.p[0] == '!' &&
		    behind.p[1] == '>')
			return i + 4;
	}
	t->no_comment_end = true;
	return OPEN;
}

/* Past the '>' that stands in no quoted value.  0: a quote is not closed before
 * the next tag, as far as anybody can tell. */
static size_t
quoted_end(struct mime_tags *t, struct span s)
{
	char quote = '\0', before = '\0';

	for (size_t i = 1; i < s.n; i++) {
		char c = s.p[i];
		if (quote != '\0') {
			if (c == '<')
				return 0;
			if (c == quote)
				quote = '\0';
		} else if (c == '>') {
			return i + 1;
		} else if ((c == '"' || c == '\'') && before == '=') {
			quote = c;
		}
		if (!is_space(c))
			before = c;
	}
	t->no_quoted_end = true;
	return 0;
}

size_t
mime_tag_end(struct mime_tags *t, struct span s)
{
	bool opens = s.n > 1 && strchr("!?/", s.p[1]) == NULL;
	size_t n = 0;

	if (span_starts_nocase(s, span_of("<!--")))
		return comment_end(t, s);
	if (opens && !t->no_quoted_end)
		n = quoted_end(t, s);
	if (n > 0 || t->no_end)
		return n;
	long gt = span_find(s, '>', 1);
	t->no_end = gt < 0;
	return gt < 0 ? 0 : (size_t)gt + 1;
}

/* The next attribute, off *rest; false when none is left. */
static bool
next_attribute(struct span *rest, struct span *name, struct span *value)
{
	struct span s = *rest;
	size_t i = 0;

	*value = span_make(NULL, 0);
	while (i < s.n && (is_space(s.p[i]) || s.p[i] == '/'))
		i++;
	size_t from = i;
	while (i < s.n && !is_space(s.p[i]) && s.p[i] != '=' && s.p[i] != '/')
		i++;
	*name = span_make(s.p + from, i - from);
	while (i < s.n && is_space(s.p[i]))
		i++;
	if (i < s.n && s.p[i] == '=') {
		i++;
		while (i < s.n && is_space(s.p[i]))
			i++;
		char quote = i < s.n ? s.p[i] : '\0';
		bool quoted = quote == '"' || quote == '\'';
		from = i += quoted;
		while (i < s.n &&
		       (quoted ? s.p[i] != quote : !is_space(s.p[i])))
			i++;
		*value = span_make(s.p + from, i - from);
		i += quoted && i < s.n;
	}
	*rest = span_skip(s, i);
	return s.n > 0;
}

struct span
mime_tag_attribute(struct span attributes, const char *wanted)
{
	struct span name, value;

	while (next_attribute(&attributes, &name, &value))
		if (span_eq_nocase(name, span_of(wanted)))
			return value;
	return span_make(NULL, 0);
}

/* What stands behind '<' is this tag. */
static bool
is_tag(struct span s, const char *slash, const char *name)
{
	if (!span_starts_nocase(s, span_of(slash)))
		return false;
	s = span_skip(s, strlen(slash));
	if (!span_starts_nocase(s, span_of(name)))
		return false;
	s = span_skip(s, strlen(name));
	return s.n == 0 || is_space(s.p[0]) || s.p[0] == '>' || s.p[0] == '/';
}

/* Offset of the end tag in `rest`, or of the body that begins; rest.n: neither
 * is there. */
static size_t
find_end(struct mime_tags *t, size_t which, struct span rest)
{
	const char *end = rest.p + rest.n, *p = rest.p;

	if (t->end[which] != NULL && t->end[which] >= p)
		return (size_t)(t->end[which] - p);
	while (p < end && (p = memchr(p, '<', (size_t)(end - p))) != NULL) {
		struct span tag = span_make(p + 1, (size_t)(end - p) - 1);
		if (is_tag(tag, "/", HIDING[which]) || is_tag(tag, "", "body"))
			break;
		p++;
	}
	if (p == NULL)
		p = end;
	t->end[which] = p;
	return (size_t)(p - rest.p);
}

size_t
mime_tag_hidden(struct mime_tags *t, struct span name, struct span rest)
{
	for (size_t i = 0; rest.n > 0 && i < MIME_TAG_HIDING; i++) {
		if (!span_eq_nocase(name, span_of(HIDING[i])))
			continue;
		size_t n = find_end(t, i, rest);
		return n < rest.n ? n : 0;
	}
	return 0;
}
