#include <errno.h>
#include <string.h>

#include "mail/address.h"
#include "shell/mime_private.h"

/*
 * Address lists as others write them.  What follows the grammar (RFC 5322 3.4,
 * with the obsolete forms of 4.4) is read by it, element by element.  Where an
 * element does not, the rest of the list is searched for what is plain: an
 * address in angle brackets, with all before it as a name, and addresses that
 * stand alone between commas.  So an unquoted "[", "(", ";", "," or a quote
 * that has no end costs nobody an answer; only what is in no brackets and no
 * address is given out as it is, for the caller to name.
 *
 * One pass, one look back: linear.
 */
struct mailbox_reader {
	struct span s;
	size_t at;
	bool in_group;
	const struct mime_mailbox_visitor *v;
	struct err *e;
};

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_TEMP, errno, "address list");
}

/* Past the quoted string, comment or literal at s.p[i]; 0: it has no end. */
static size_t
run_end(struct span s, size_t i)
{
	char open = s.p[i];
	char close = open == '(' ? ')' : open == '[' ? ']' : '"';
	unsigned depth = 0;

	for (size_t k = i; k < s.n; k++) {
		if (s.p[k] == '\\')
			k++;
		else if (s.p[k] == close && k > i && --depth == 0)
			return k + 1;
		else if (s.p[k] == open && (open == '(' || k == i))
			depth++;
	}
	return 0;
}

static bool
is_run(char c)
{
	return c == '"' || c == '(' || c == '[';
}

/* ---- what is given out ----------------------------------------------------
 */

/* A name: without quotes and comments, blanks made one; of a bare address the
 * comment is the name (RFC 5322 A.5). */
static int
put_name(struct span s, bool comments_only, struct buf *out)
{
	bool gap = false, runs = true;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		size_t end = c == '(' && runs ? run_end(s, i) : 0;

		/* One without an end is looked for once: a field of nothing but
		 * "(" must not cost its square. */
		runs = runs && (c != '(' || end > 0);
		if (end > 0) {
			if (comments_only &&
			    ((out->n > 0 && buf_add_char(out, ' ') != 0) ||
			     buf_add(out, s.p + i + 1, end - i - 2) != 0))
				return -1;
			gap = true;
			i = end - 1;
			continue;
		}
		if (c == '"' || span_is_blank(c) || comments_only) {
			gap = gap || span_is_blank(c);
			continue;
		}
		if (c == '\\' && i + 1 < s.n && strchr("\"\\", s.p[i + 1]))
			c = s.p[++i];
		if (gap && out->n > 0 && buf_add_char(out, ' ') != 0)
			return -1;
		gap = false;
		if (buf_add_char(out, c) != 0)
			return -1;
	}
	return 0;
}

/* An addr-spec: without comments, and without blanks around '.' and '@'. */
static int
put_spec(struct span s, struct buf *out)
{
	bool gap = false, runs = true;

	for (size_t i = 0; i < s.n;) {
		char c = s.p[i];
		size_t end = is_run(c) && runs ? run_end(s, i) : 0;

		runs = runs && (!is_run(c) || end > 0);
		if (span_is_blank(c) || (c == '(' && end > 0)) {
			gap = true;
			i = end > 0 ? end : i + 1;
			continue;
		}
		if (gap && out->n > 0 && c != '.' && c != '@' &&
		    out->p[out->n - 1] != '.' && out->p[out->n - 1] != '@' &&
		    buf_add_char(out, ' ') != 0)
			return -1;
		gap = false;
		end = end > 0 ? end : i + 1;
		if (buf_add(out, s.p + i, end - i) != 0)
			return -1;
		i = end;
	}
	return 0;
}

static int
emit(struct mailbox_reader *r, struct span name, struct span spec, bool bare)
{
	struct buf who, where;
	int rc = -1;

	/* "<@a,@b:user@c>": the route is over (RFC 5322 4.4) */
	if (!bare && spec.n > 0 && spec.p[0] == '@') {
		long colon = span_find(spec, ':', 0);
		spec = span_skip(spec, colon < 0 ? 0 : (size_t)colon + 1);
	}
	buf_init(&who, MIME_HEADER_MAX * 4U);
	buf_init(&where, MIME_HEADER_MAX * 4U);
	if (put_name(name, bare, &who) != 0 || put_spec(spec, &where) != 0)
		rc = no_memory(r->e);
	else if (where.n == 0 && who.n == 0)
		rc = 0;
	else
		rc = r->v->take(r->v->ctx, buf_span(&who), buf_span(&where),
				r->e);
	buf_free(&who);
	buf_free(&where);
	return rc;
}

/* ---- by the grammar -------------------------------------------------------
 */

enum { READ_DONE, READ_NOT, READ_ERROR };

/* Behind '<' at *i: the spec, and *i behind '>' and what blanks and comments
 * follow.  False: no such thing. */
static bool
read_angle(struct span s, size_t *i, struct span *spec)
{
	size_t begin = *i + 1, k = begin, end;

	while (k < s.n && s.p[k] != '>' && s.p[k] != '<') {
		if (s.p[k] != '"')
			k++;
		else if ((end = run_end(s, k)) > 0)
			k = end;
		else
			return false;
	}
	if (k >= s.n || s.p[k] != '>')
		return false;
	*spec = span_trim(span_make(s.p + begin, k - begin));
	for (k++; k < s.n && s.p[k] != ',' && s.p[k] != ';';) {
		if (span_is_blank(s.p[k]))
			k++;
		else if (s.p[k] == '(' && (end = run_end(s, k)) > 0)
			k = end;
		else
			return false;
	}
	*i = k;
	return true;
}

/* "a@b", "a . b @ c (name)": one word that could be an address.  A word without
 * '@' may be half a name: "Lee, Ann <ann@b.example>". */
static bool
is_one_word(struct span s)
{
	struct buf spec;
	bool one;

	buf_init(&spec, MIME_HEADER_MAX * 4U);
	one = put_spec(s, &spec) == 0 && spec.n > 0 &&
	      memchr(spec.p, '@', spec.n) != NULL;
	for (size_t i = 0; one && i < spec.n; i++) {
		size_t end = spec.p[i] == '"' ? run_end(buf_span(&spec), i) : 0;
		one =
		    !span_is_blank(spec.p[i]) && (spec.p[i] != '"' || end > 0);
		i = end > 0 ? end - 1 : i;
	}
	buf_free(&spec);
	return one;
}

/* One element up to its ',' or ';' or the end, which is passed over. */
static int
read_element(struct mailbox_reader *r)
{
	struct span s = r->s, spec = { NULL, 0 }, name = { NULL, 0 }, text;
	size_t begin = r->at, i = begin, end;
	bool angle = false, group = r->in_group;

	while (i < s.n && s.p[i] != ',' && s.p[i] != ';') {
		char c = s.p[i];
		if (is_run(c) && (end = run_end(s, i)) > 0) {
			i = end;
		} else if (c == '<') {
			name = span_make(s.p + begin, i - begin);
			angle = true;
			if (!read_angle(s, &i, &spec))
				return READ_NOT;
		} else if (c == ':' && !group) {
			text = span_make(s.p + begin, i - begin);
			if (span_find(text, '@', 0) >= 0)
				return READ_NOT;
			group = true;
			begin = ++i;
		} else if (is_run(c) || strchr(">)]:", c) != NULL) {
			return READ_NOT;
		} else {
			i++;
		}
	}
	text = span_trim(span_make(s.p + begin, i - begin));
	if ((i < s.n && s.p[i] == ';' && !group) ||
	    (!angle && text.n > 0 && !is_one_word(text)))
		return READ_NOT;
	r->in_group = group && (i >= s.n || s.p[i] != ';');
	r->at = i + 1;
	if (text.n == 0)
		return READ_DONE;
	return emit(r, angle ? name : text, angle ? spec : text, !angle) == 0
		   ? READ_DONE
		   : READ_ERROR;
}

/* ---- what can be saved ----------------------------------------------------
 */

static bool
is_valid(struct span s)
{
	struct address parsed;
	struct err ignored;

	return address_parse_mailbox(s, ADDRESS_ALLOW_UTF8, &parsed,
				     &ignored) == 0;
}

/* Without what may cling to it. */
static struct span
stripped(struct span s)
{
	static const char clings[] = " \t,;:<>()[]\"'";

	while (s.n > 0 && strchr(clings, s.p[0]) != NULL)
		s = span_skip(s, 1);
	while (s.n > 0 && strchr(clings, s.p[s.n - 1]) != NULL)
		s.n--;
	return s;
}

/* The addresses that stand between commas in `s`; what follows the last one is
 * the name of what comes.  At the end of the list, all of it. */
static int
save_between(struct mailbox_reader *r, struct span s, bool at_end,
	     struct span *name)
{
	*name = s;
	while (s.n > 0) {
		size_t n = 0;
		while (n < s.n && s.p[n] != ',' && s.p[n] != ';')
			n++;
		struct span part = span_trim(span_head(s, n));
		struct span word = stripped(part);
		/* no address, but meant as one: a comma ends it, so it is no
		 * name of what comes either */
		bool meant = n < s.n && span_find(word, '@', 0) >= 0;
		s = span_skip(s, n + 1);
		if (!is_valid(word) && !meant && (!at_end || word.n == 0))
			continue;
		*name = s;
		if (emit(r, span_make(NULL, 0), word, true) != 0)
			return -1;
	}
	return 0;
}

/* "<...@...>" at or after `from`: where it begins, and *end behind it; -1. */
static long
next_angle(struct span s, size_t from, size_t *end)
{
	long open = -1;
	bool at = false;

	for (size_t i = from; i < s.n; i++) {
		if (s.p[i] == '<') {
			open = (long)i;
			at = false;
		} else if (s.p[i] == '@') {
			at = true;
		} else if (s.p[i] == '>' && open >= 0 && at) {
			*end = i + 1;
			return open;
		}
	}
	return -1;
}

static int
save_rest(struct mailbox_reader *r)
{
	struct span s = r->s, name;
	bool behind = false;
	long open;
	size_t end;

	while ((open = next_angle(s, r->at, &end)) >= 0) {
		size_t from = (size_t)open;
		struct span before = span_make(s.p + r->at, from - r->at);
		struct span spec = span_make(s.p + from + 1, end - from - 2);

		if (save_between(r, before, false, &name) != 0 ||
		    emit(r, span_trim(name), span_trim(spec), false) != 0)
			return -1;
		/* the comma between is no part of the next name */
		r->at = end;
		behind = true;
		for (; r->at < s.n && strchr(" \t,;", s.p[r->at]) != NULL;
		     r->at++)
			behind = behind && span_is_blank(s.p[r->at]);
	}
	s = span_skip(s, r->at);
	/* words behind a '>' are nobody: "Ann <ann@b.example> for you" */
	if (behind) {
		size_t n = 0;
		while (n < s.n && s.p[n] != ',' && s.p[n] != ';')
			n++;
		if (span_find(span_head(s, n), '@', 0) < 0)
			s = span_skip(s, n);
	}
	return save_between(r, s, true, &name);
}

int
mime_mailbox_visit(struct span line, const struct mime_mailbox_visitor *v,
		   struct err *e)
{
	struct mailbox_reader r = { .s = line, .v = v, .e = e };

	while (r.at < line.n) {
		switch (read_element(&r)) {
		case READ_DONE:
			break;
		case READ_NOT:
			return save_rest(&r);
		default:
			return -1;
		}
	}
	return 0;
}

/* ---- to be answered -------------------------------------------------------
 */

/* "a..b", ".a": dots that no dot-string has, but nothing else of that kind.  A
 * blank, a bracket or an '@' in it is a list that has broken, and quotes around
 * it would invent an address. */
static bool
is_dotted(struct span local)
{
	for (size_t i = 0; i < local.n; i++)
		if ((unsigned char)local.p[i] <= ' ' ||
		    strchr("()<>[]:;@\\,\"\x7f", local.p[i]) != NULL)
			return false;
	return true;
}

int
mime_mailbox_usable(struct span address, struct buf *out)
{
	const char *at =
	    address.n == 0 ? NULL : memrchr(address.p, '@', address.n);
	int rc = 0;

	if (at == NULL || is_valid(address))
		return buf_add_span(out, address) != 0 ? -1 : at != NULL;
	struct span local = span_head(address, (size_t)(at - address.p));
	if (!is_dotted(local))
		return buf_add_span(out, address) != 0 ? -1 : 0;
	rc |= buf_add_char(out, '"');
	rc |= buf_add_span(out, local);
	rc |= buf_add_char(out, '"');
	rc |= buf_add(out, at, address.n - (size_t)(at - address.p));
	if (rc != 0)
		return -1;
	if (is_valid(buf_span(out)))
		return 1;
	buf_clear(out);
	return buf_add_span(out, address) != 0 ? -1 : 0;
}
