#include "mail/mailbox_list.h"

/*
 * The list is read as words and single characters: an atom, a quoted string or
 * a domain literal is a word.  An address is what stands in angle brackets, or,
 * where there are none up to the next comma, all words before it; what stood
 * before a bracket was a display name, and before a colon a group's name.
 */
struct reader {
	struct span rest;
	char *buf;
	size_t n;
	bool words; /* more than one that is not joined by '.' or '@' */
	bool joins; /* the last was one of these */
};

static int
bad(struct err *e, const char *what)
{
	return err_set(e, ERR_PERM, 0, "address list: %s", what);
}

static int
put(struct reader *r, struct span s, struct err *e)
{
	if (r->n + s.n >= MAILBOX_SIZE)
		return bad(e, "an address is too long");
	memcpy(r->buf + r->n, s.p, s.n);
	r->n += s.n;
	r->buf[r->n] = '\0';
	return 0;
}

static bool
is_space(char c)
{
	return span_is_blank(c) || c == '\r' || c == '\n';
}

static bool
is_special(char c)
{
	return c == '<' || c == '>' || c == ',' || c == ';' || c == ':' ||
	       c == '(' || c == ')' || c == '"' || c == '[' || c == ']';
}

/* How long is the comment here, those in it included?  0: it has no end. */
static size_t
comment_size(struct span s)
{
	unsigned depth = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == '(')
			depth++;
		else if (s.p[i] == ')' && --depth == 0)
			return i + 1;
	}
	return 0;
}

/* The same for a quoted string or a literal, which ends in `end`. */
static size_t
quoted_size(struct span s, char end)
{
	for (size_t i = 1; i < s.n; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == end)
			return i + 1;
	}
	return 0;
}

static size_t
atom_size(struct span s)
{
	size_t n = 0;

	while (n < s.n && !is_space(s.p[n]) && !is_special(s.p[n]))
		n++;
	return n;
}

/* Over blanks and comments. */
static int
skip_space(struct reader *r, struct err *e)
{
	while (r->rest.n > 0) {
		size_t n = 1;
		if (r->rest.p[0] == '(') {
			n = comment_size(r->rest);
			if (n == 0)
				return bad(e, "a comment has no end");
		} else if (!is_space(r->rest.p[0])) {
			return 0;
		}
		r->rest = span_skip(r->rest, n);
	}
	return 0;
}

static int
take_word(struct reader *r, struct err *e)
{
	char c = r->rest.p[0];
	size_t n = c == '"'   ? quoted_size(r->rest, '"')
		   : c == '[' ? quoted_size(r->rest, ']')
			      : atom_size(r->rest);

	if (n == 0)
		return bad(e, c == '"' || c == '[' ? "a quote has no end"
						   : "a stray character");
	struct span word = span_head(r->rest, n);
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)word.p[i] < ' ' || word.p[i] == 0x7f)
			return bad(e, "a control byte");
	}
	bool joined = r->joins || word.p[0] == '.' || word.p[0] == '@';
	r->words = r->words || (r->n > 0 && !joined);
	r->joins = word.p[n - 1] == '.' || word.p[n - 1] == '@';
	r->rest = span_skip(r->rest, n);
	/* a display name may be as long as it likes: it is not kept */
	return r->words ? 0 : put(r, word, e);
}

static void
forget(struct reader *r)
{
	r->n = 0;
	r->buf[0] = '\0';
	r->words = r->joins = false;
}

/* "@a,@b:" before an address in brackets (RFC 5322 4.4). */
static void
skip_route(struct reader *r)
{
	long end = span_find(r->rest, '>', 0);
	long colon = span_find(r->rest, ':', 0);

	if (r->rest.n > 0 && r->rest.p[0] == '@' && colon >= 0 && colon < end)
		r->rest = span_skip(r->rest, (size_t)colon + 1);
}

/* Behind '<': 1 with the address, 0 for <>, -1. */
static int
in_brackets(struct reader *r, struct err *e)
{
	forget(r);
	skip_route(r);
	for (;;) {
		if (skip_space(r, e) != 0)
			return -1;
		if (r->rest.n == 0)
			return bad(e, "'<' without '>'");
		if (r->rest.p[0] == '>')
			break;
		if (take_word(r, e) != 0)
			return -1;
	}
	r->rest = span_skip(r->rest, 1);
	if (r->words)
		return bad(e, "two words in one address");
	return r->n > 0;
}

/* At a character that is no word: 2 to go on, 1 an address is whole, -1. */
static int
take_special(struct reader *r, bool *bracketed, struct err *e)
{
	char c = r->rest.p[0];

	r->rest = span_skip(r->rest, 1);
	if (c == '<' && !*bracketed) {
		*bracketed = true;
		return in_brackets(r, e) < 0 ? -1 : 2;
	}
	if (c == ':' && !*bracketed) { /* a group begins */
		forget(r);
		return 2;
	}
	if (c != ',' && c != ';')
		return bad(e, "a stray character");
	return 1;
}

static int
finish(const struct reader *r, struct span *rest, struct err *e)
{
	*rest = r->rest;
	if (r->words)
		return bad(e, "words that are no address");
	return r->n > 0;
}

int
mailbox_list_next(struct span *rest, char buf[MAILBOX_SIZE], struct err *e)
{
	struct reader r = { .rest = *rest, .buf = buf };
	bool bracketed = false;

	forget(&r);
	for (;;) {
		if (skip_space(&r, e) != 0)
			return -1;
		if (r.rest.n == 0)
			return finish(&r, rest, e);
		char c = r.rest.p[0];
		if (!is_special(c) || c == '"' || c == '[') {
			if (bracketed)
				return bad(e, "words behind '>'");
			if (take_word(&r, e) != 0)
				return -1;
			continue;
		}
		int got = take_special(&r, &bracketed, e);
		if (got < 0)
			return -1;
		if (got == 2)
			continue;
		got = finish(&r, rest, e);
		if (got != 0)
			return got;
		bracketed = false; /* nothing between two commas */
	}
}
