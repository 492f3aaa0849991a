#include <errno.h>
#include <string.h>

#include "mail/address.h"
#include "shell/mime_private.h"
#include "shell/width.h"

/*
 * Two parsers, on purpose.  What a person types is parsed strictly, here:
 * GMime's parser drops what it does not understand, and a recipient must never
 * be lost without a word.  What others sent is parsed by GMime, leniently, in
 * mime_value.c.
 */

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_TEMP, errno, "address list");
}

const char *
mime_buf_str(const struct buf *b, struct arena *a)
{
	const char *s = arena_str(a, buf_span(b));

	if (s == NULL)
		errno = ENOMEM;
	return s;
}

/* ---- strict ----------------------------------------------------------------
 */

struct list {
	struct arena *arena;
	struct mime_address *items;
	unsigned n;
};

/* Past a quoted string, comment or literal that begins at *i; -1 when it has
 * no end.  Comments nest (RFC 5322 3.2.2). */
static int
skip_run(struct span s, size_t *i)
{
	char open = s.p[*i];
	char close = '"';
	unsigned depth = 0;

	if (open == '(')
		close = ')';
	else if (open == '[')
		close = ']';
	for (size_t k = *i; k < s.n; k++) {
		if (s.p[k] == '\\' && k + 1 < s.n) {
			k++;
		} else if (s.p[k] == close && k > *i && --depth == 0) {
			*i = k + 1;
			return 0;
		} else if (s.p[k] == open && (open == '(' || k == *i)) {
			depth++;
		}
	}
	return -1;
}

/* Text without comments and quotes, blanks made one: a display name; or, when
 * `raw`, an addr-spec: only comments and the blanks around it go. */
static int
plain_words(struct span s, bool raw, struct buf *out)
{
	bool gap = false;

	for (size_t i = 0; i < s.n;) {
		size_t end = i;
		if (s.p[i] == '(') {
			(void)skip_run(s, &end);
			i = end > i ? end : s.n;
			gap = true;
			continue;
		}
		if (span_is_blank(s.p[i])) {
			gap = true;
			i++;
			continue;
		}
		if (gap && out->n > 0 && buf_add_char(out, ' ') != 0)
			return -1;
		gap = false;
		if (s.p[i] == '"' && !raw && skip_run(s, &end) == 0) {
			for (size_t k = i + 1; k + 1 < end; k++) {
				if (s.p[k] == '\\' && k + 2 < end)
					k++;
				if (buf_add_char(out, s.p[k]) != 0)
					return -1;
			}
			gap = end < s.n && s.p[end] == '"';
			i = end;
			continue;
		}
		if (s.p[i] == '"' && skip_run(s, &end) == 0) {
			if (buf_add(out, s.p + i, end - i) != 0)
				return -1;
			i = end;
			continue;
		}
		if (buf_add_char(out, s.p[i++]) != 0)
			return -1;
	}
	return 0;
}

static int
add_address(struct list *l, struct span name, struct span spec, struct err *e)
{
	char text[ADDRESS_SIZE];
	struct address address;
	struct buf words;
	int rc = -1;

	buf_init(&words, MIME_HEADER_MAX);
	if (plain_words(spec, true, &words) != 0) {
		(void)no_memory(e);
		goto out;
	}
	if (address_parse_mailbox(buf_span(&words), ADDRESS_ALLOW_UTF8,
				  &address, e) != 0 ||
	    address_text(&address, text) != 0) {
		(void)err_prefix(e, "'%.*s'", SPAN_ARG(span_trim(spec)));
		goto out;
	}
	if (l->n == MIME_ADDRESSES_MAX) {
		(void)err_set(e, ERR_LIMIT, 0, "more than %d addresses",
			      MIME_ADDRESSES_MAX);
		goto out;
	}
	struct mime_address *x = &l->items[l->n];
	x->address = arena_str(l->arena, span_of(text));
	buf_clear(&words);
	if (x->address == NULL || plain_words(name, false, &words) != 0 ||
	    (x->name = mime_buf_str(&words, l->arena)) == NULL) {
		(void)no_memory(e);
		goto out;
	}
	l->n++;
	rc = 0;
out:
	buf_free(&words);
	return rc;
}

static int
bad(struct err *e, const char *why, struct span text)
{
	return err_set(e, ERR_PERM, 0, "%s in '%.*s'", why,
		       SPAN_ARG(span_trim(text)));
}

static bool
is_empty(struct span s)
{
	return span_trim(s).n == 0;
}

/* "<...>" at *i with `name` before it. */
static int
take_angle(struct list *l, struct span s, struct span name, size_t *i,
	   struct err *e)
{
	size_t from = *i + 1, k = from;

	while (k < s.n && s.p[k] != '>') {
		if (s.p[k] == '"') {
			if (skip_run(s, &k) != 0)
				return bad(e, "a quote without end", s);
		} else {
			k++;
		}
	}
	if (k == s.n)
		return bad(e, "'<' without '>'", s);
	if (add_address(l, name, span_make(s.p + from, k - from), e) != 0)
		return -1;
	*i = k + 1;
	return 0;
}

/* One element of the list up to its ',' or ';' or the end; *i is left on that
 * character.  *in_group is raised by "name:". */
static int
take_element(struct list *l, struct span s, size_t *i, bool *in_group,
	     struct err *e)
{
	size_t start = *i;
	bool angle = false;

	while (*i < s.n && s.p[*i] != ',' && s.p[*i] != ';') {
		struct span before = span_make(s.p + start, *i - start);
		char c = s.p[*i];
		if (c == '(' || (c == '"' && !angle) || (c == '[' && !angle)) {
			if (skip_run(s, i) != 0)
				return bad(e, "a quote or comment without end",
					   span_skip(s, start));
		} else if (angle && !span_is_blank(c)) {
			return bad(e, "text after '>'", span_skip(s, start));
		} else if (c == '<') {
			if (take_angle(l, s, before, i, e) != 0)
				return -1;
			angle = true;
		} else if (c == ':') {
			if (*in_group || is_empty(before))
				return bad(e, "misplaced ':'",
					   span_skip(s, start));
			*in_group = true;
			start = ++*i;
		} else if (c == '>' || c == ')' || c == ']') {
			return bad(e, "misplaced bracket", span_skip(s, start));
		} else {
			++*i;
		}
	}
	struct span text = span_make(s.p + start, *i - start);
	if (angle || is_empty(text))
		return 0;
	return add_address(l, span_make(NULL, 0), text, e);
}

static int
check_bytes(struct span text, struct err *e)
{
	if (text.n > MIME_HEADER_MAX)
		return err_set(e, ERR_LIMIT, 0, "address list too long");
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return bad(e, "a control character", text);
	}
	if (!width_is_utf8(text))
		return bad(e, "bytes that are not UTF-8", text);
	return 0;
}

int
mime_addresses(struct span text, struct arena *a, struct mime_address **list,
	       unsigned *n, struct err *e)
{
	struct list l = { .arena = a };
	bool in_group = false;
	size_t i = 0;

	*list = NULL;
	*n = 0;
	if (check_bytes(text, e) != 0)
		return -1;
	size_t most = 1;
	for (size_t k = 0; k < text.n; k++)
		most += text.p[k] == ',' || text.p[k] == ';';
	if (most > MIME_ADDRESSES_MAX)
		most = MIME_ADDRESSES_MAX;
	l.items = arena_alloc(a, most * sizeof(*l.items));
	if (l.items == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "address list");
	while (i < text.n) {
		if (take_element(&l, text, &i, &in_group, e) != 0)
			return -1;
		if (i < text.n && text.p[i] == ';') {
			if (!in_group)
				return bad(e, "misplaced ';'", text);
			in_group = false;
		}
		i++;
	}
	if (in_group)
		return bad(e, "a group without ';'", text);
	*list = l.items;
	*n = l.n;
	return 0;
}

/* ---- text ------------------------------------------------------------------
 */

/* RFC 5322 3.2.3: what an unquoted name may not hold; and blanks that would
 * not come back as they are. */
static bool
needs_quotes(const char *name)
{
	return strpbrk(name, "()<>[]:;@\\,.\"\t") != NULL || name[0] == ' ' ||
	       name[strlen(name) - 1] == ' ' || strstr(name, "  ") != NULL;
}

int
mime_address_text(const struct mime_address *x, struct buf *out)
{
	if (x->name[0] == '\0')
		return buf_add_str(out, x->address);
	if (x->address[0] == '\0') /* received: a name and <> */
		return buf_add_str(out, x->name);
	bool quotes = needs_quotes(x->name);
	if (quotes && buf_add_char(out, '"') != 0)
		return -1;
	for (const char *p = x->name; *p != '\0'; p++) {
		if (quotes && (*p == '"' || *p == '\\') &&
		    buf_add_char(out, '\\') != 0)
			return -1;
		if (buf_add_char(out, *p) != 0)
			return -1;
	}
	return buf_addf(out, "%s <%s>", quotes ? "\"" : "", x->address);
}

const char *
mime_address_author(const struct mime_address *x)
{
	/* also FULLWIDTH and SMALL COMMERCIAL AT, which look like one */
	bool pretends = strchr(x->name, '@') != NULL ||
			strstr(x->name, "\xEF\xBC\xA0") != NULL ||
			strstr(x->name, "\xEF\xB9\xAB") != NULL;

	return x->name[0] == '\0' || (pretends && x->address[0] != '\0')
		   ? x->address
		   : x->name;
}
