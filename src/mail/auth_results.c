#include "mail/auth_results.h"

#include <errno.h>

/* What is done with the bytes of the field we are in. */
enum {
	IN_NAME, /* held: it may be the name we look for */
	IN_ID,   /* held: it is, and whose and what it is we do not know yet */
	KEEPING,
	DROPPING,
};

/* Where we are before and in the authserv-id, and the version behind it. */
enum { BEFORE, COMMENT, TOKEN, QUOTED, IN_VERSION };

static const char bom[] = "\xef\xbb\xbf"; /* U+FEFF */

enum { OUR_VERSION = 1, VERSION_END = 10 };

static const char name[] = "authentication-results";

void
auth_results_init(struct auth_results *a, const char *id)
{
	*a = (struct auth_results){ .id = id,
				    .state = KEEPING,
				    .at_line = true };
	buf_init(&a->held, AUTH_RESULTS_HELD_MAX);
}

void
auth_results_free(struct auth_results *a)
{
	buf_free(&a->held);
}

/* ---- what was held --------------------------------------------------------
 */

static int
keep(struct auth_results *a, struct buf *out)
{
	int rc = buf_add_span(out, buf_span(&a->held));

	buf_clear(&a->held);
	a->state = KEEPING;
	return rc;
}

static void
drop(struct auth_results *a)
{
	a->removed++;
	buf_clear(&a->held);
	a->state = DROPPING;
}

static bool
is_space(char c)
{
	return span_is_blank(c) || c == '\r' || c == '\n';
}

/* ---- the id ---------------------------------------------------------------
 *
 * A reader may lose blanks, comments, quotes, a byte order mark, and whatever
 * else no host name holds, and may take "mx.test." for "mx.test" and
 * "mx.test/1" (the form of drafts before RFC 5451) for its version 1.  So only
 * letters, digits, '-', '_' and the dots between them are compared, and what
 * would be our id with anything left out is ours.  Nor is it known what a
 * reader makes of an encoded word (RFC 2047) or of what is not ASCII: an id
 * with either may be ours.
 */

/* Does this byte count?  Dots have rules of their own. */
static bool
is_of_id(char c)
{
	unsigned char low = span_lower(c);

	return (low >= 'a' && low <= 'z') || span_is_digit(c) || c == '-' ||
	       c == '_';
}

/* What of our id is still to come, from its next byte that counts on. */
static const char *
rest_of_id(const struct auth_results *a, bool *dot)
{
	const char *p = a->id + a->matched;

	*dot = false;
	for (; *p != '\0' && !is_of_id(*p); p++)
		*dot = *dot || (*p == '.' && a->matched > 0);
	*dot = *dot && *p != '\0';
	return p;
}

static bool
is_whole(const struct auth_results *a)
{
	bool dot;

	return a->matched != SIZE_MAX && *rest_of_id(a, &dot) == '\0';
}

/* One byte of the id, as it is meant; a mismatch can never match again. */
static void
match(struct auth_results *a, char c)
{
	bool dot = false;

	a->encoded =
	    a->encoded || (a->equals && c == '?') || (unsigned char)c >= 0x80;
	a->equals = c == '=';
	if (a->matched == SIZE_MAX)
		return;
	if (c == '.') /* leading and repeated ones say nothing */
		a->dot = a->matched > 0;
	if (!is_of_id(c))
		return;
	const char *p = rest_of_id(a, &dot);
	if (*p != '\0' && dot == a->dot && span_lower(*p) == span_lower(c))
		a->matched = (size_t)(p - a->id) + 1;
	else
		a->matched = SIZE_MAX;
	a->dot = false;
}

/* A word of the id is over: is the field ours?  A stranger's may have a
 * version.  What was ours so far may go on behind a blank. */
static void
decide(struct auth_results *a)
{
	a->foreign = true;
	a->place = BEFORE;
	if (a->encoded || is_whole(a))
		drop(a);
}

/* RFC 8601 5: what has a version that we do not know goes too; none is 1. */
static int
decide_version(struct auth_results *a, struct buf *out)
{
	if (!is_whole(a) &&
	    (a->place != IN_VERSION || a->version == OUR_VERSION))
		return keep(a, out);
	drop(a);
	return 0;
}

/* RFC 5322 3.2.2: comments nest, and "\)" ends none. */
static void
in_comment(struct auth_results *a, char c)
{
	if (a->escaped)
		a->escaped = false;
	else if (c == '\\')
		a->escaped = true;
	else if (c == '(')
		a->depth++;
	else if (c == ')' && --a->depth == 0)
		a->place = BEFORE;
}

static void
in_quotes(struct auth_results *a, char c)
{
	if (a->escaped) {
		a->escaped = false;
	} else if (c == '"') {
		decide(a);
		return;
	} else if (c == '\\') {
		a->escaped = true;
		return;
	}
	match(a, c);
}

static int
in_version(struct auth_results *a, char c, struct buf *out)
{
	if (!span_is_digit(c))
		return decide_version(a, out);
	match(a, c); /* or is it a part of the id? */
	a->place = IN_VERSION;
	a->version = a->version * 10 + (unsigned)(c - '0');
	if (a->version > VERSION_END)
		a->version = VERSION_END;
	return 0;
}

static int
before_id(struct auth_results *a, char c, struct buf *out)
{
	if (is_space(c))
		return 0;
	/* behind what may be the first part of ours comes more of it */
	bool open = a->foreign && a->matched != SIZE_MAX;
	if (a->foreign && c != '(' && (!open || c == ';' || span_is_digit(c)))
		return in_version(a, c, out);
	if (c == ';') { /* there is none */
		drop(a);
	} else if (c == '(') {
		a->place = COMMENT;
		a->depth = 1;
	} else if (c == '"') {
		a->place = QUOTED;
	} else {
		a->place = TOKEN;
		match(a, c);
	}
	return 0;
}

static int
in_token(struct auth_results *a, char c, struct buf *out)
{
	bool slash = c == '/' && is_whole(a);

	if (!is_space(c) && c != ';' && c != '(' && c != '"' && !slash) {
		match(a, c);
		return 0;
	}
	decide(a);
	return a->state == IN_ID ? before_id(a, c, out) : 0;
}

/* A byte of the value of the field we look for; it is held already. */
static int
in_value(struct auth_results *a, char c, struct buf *out)
{
	switch (a->place) {
	case COMMENT:
		in_comment(a, c);
		return 0;
	case QUOTED:
		in_quotes(a, c);
		return 0;
	case TOKEN:
		return in_token(a, c, out);
	case IN_VERSION:
		return in_version(a, c, out);
	default:
		return before_id(a, c, out);
	}
}

/* ---- fields ---------------------------------------------------------------
 */

static int
in_name(struct auth_results *a, char c, struct buf *out)
{
	const size_t n = sizeof(name) - 1;

	/* a byte order mark is no part of a name, and readers drop it */
	if (a->matched == 0 && a->mark < sizeof(bom) - 1 && c == bom[a->mark]) {
		a->mark++;
		return 0;
	}
	if (a->matched < n &&
	    span_lower(c) == (unsigned char)name[a->matched]) {
		a->matched++;
		return 0;
	}
	/* a blank before the colon: RFC 5322 4.5; some unfold first */
	if (a->matched == n && is_space(c))
		return 0;
	if (a->matched != n || c != ':')
		return keep(a, out);
	a->state = IN_ID;
	a->place = BEFORE;
	a->matched = 0;
	a->depth = 0;
	a->dot = false;
	a->escaped = false;
	a->foreign = false;
	a->equals = a->encoded = false;
	a->version = 0;
	return 0;
}

/* A field ends before it is known; only a stranger's, without results, may. */
static int
end_field(struct auth_results *a, struct buf *out)
{
	if (a->foreign && a->place != COMMENT && a->place != QUOTED)
		return decide_version(a, out);
	drop(a);
	return 0;
}

/* The first byte of a line: a fold of the field before, a field, the empty
 * line. */
static int
begin_line(struct auth_results *a, char c, struct buf *out)
{
	int rc = 0;

	a->at_line = false;
	if (span_is_blank(c))
		return 0;
	/* what the field before left unsaid it will not say any more */
	if (a->state == IN_ID)
		rc = end_field(a, out);
	else if (a->state == IN_NAME)
		rc = keep(a, out);
	a->state = c == '\r' || c == '\n' ? KEEPING : IN_NAME;
	a->matched = 0;
	a->mark = 0;
	return rc;
}

/* A byte of a field that is held. */
static int
hold(struct auth_results *a, char c, struct buf *out)
{
	bool in_its_name = a->state == IN_NAME;

	if (buf_add_char(&a->held, c) == 0)
		return in_its_name ? in_name(a, c, out) : in_value(a, c, out);
	if (errno == ENOMEM)
		return -1;
	drop(a); /* it held out for too long */
	return 0;
}

/* The next bytes that fare alike; how many in *n. */
static int
step(struct auth_results *a, struct span bytes, size_t *n, struct buf *out)
{
	int rc = 0;

	*n = bytes.n;
	if (a->at_line && begin_line(a, bytes.p[0], out) != 0)
		return -1;
	if (a->state == IN_NAME || a->state == IN_ID) {
		*n = 1;
		rc = hold(a, bytes.p[0], out);
	} else {
		long lf = span_find(bytes, '\n', 0);
		*n = lf < 0 ? bytes.n : (size_t)lf + 1;
		if (a->state == KEEPING)
			rc = buf_add_span(out, span_head(bytes, *n));
	}
	a->at_line = bytes.p[*n - 1] == '\n';
	return rc;
}

int
auth_results_feed(struct auth_results *a, struct span bytes, struct buf *out,
		  struct err *e)
{
	while (bytes.n > 0) {
		size_t n = 0;
		if (step(a, bytes, &n, out) != 0)
			return err_set(e, ERR_TEMP, errno, "message header");
		bytes = span_skip(bytes, n);
	}
	return 0;
}

int
auth_results_end(struct auth_results *a, struct buf *out, struct err *e)
{
	int rc = a->state == IN_ID     ? end_field(a, out)
		 : a->state == IN_NAME ? keep(a, out)
				       : 0;

	if (rc != 0)
		return err_set(e, ERR_TEMP, errno, "message header");
	return 0;
}
