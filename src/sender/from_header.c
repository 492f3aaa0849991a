#include "sender/from_header.h"

#include <stdio.h>
#include <string.h>

#include "mail/address.h"
#include "mail/header.h"

/*
 * A field is read from left to right as words (atoms, quoted strings, domain
 * literals behind '@'), comments and single characters (RFC 5322 3.2, 3.4).
 * Words that
 * '.' or '@' joins are one run.  An address is the run in angle brackets or,
 * where there are none up to the next comma, the only run; all runs before a
 * bracket are a display name.
 *
 * Programs differ in what they make of "boss@abc.com <alice@abc.com>": so a run
 * with an '@' that is not quoted counts as an address wherever it stands.
 * Quoted strings, comments and encoded words are names: whatever they say is
 * nobody's address, and who shows a name without its address is misled by any
 * name.
 */
enum { RUN_MAX = ADDRESS_SIZE };

enum verdict { GOOD, FOREIGN, BAD };

struct reader {
	const struct from_header *f;
	struct span rest;
	char run[RUN_MAX];
	size_t n;
	bool has_at; /* an atom of the run has one */
	bool joins;  /* the run ended in '.' or '@' */
	bool ends_in_dot;
	bool too_long;   /* the run did not fit */
	bool has_words;  /* there were runs before this one: a name */
	bool bracketed;  /* the address of this element has come */
	bool in_group;   /* behind "name:" */
	unsigned found;  /* addresses */
	const char *why; /* of BAD; or the address of FOREIGN */
};

static enum verdict
bad(struct reader *p, const char *why)
{
	p->why = why;
	return BAD;
}

static bool
is_space(char c)
{
	return span_is_blank(c) || c == '\r' || c == '\n';
}

static bool
is_special(char c)
{
	return c != '\0' && strchr("<>,;:()\"[]\\", c) != NULL;
}

/* ---- words ----------------------------------------------------------------
 */

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
word_size(struct span s)
{
	size_t n = 0;

	if (s.p[0] == '"')
		return quoted_size(s, '"');
	if (s.p[0] == '[')
		return quoted_size(s, ']');
	while (n < s.n && !is_space(s.p[n]) && !is_special(s.p[n]))
		n++;
	return n;
}

/* Is the run an address that the login owns? */
static enum verdict
judge_run(struct reader *p)
{
	char canonical[ADDRESS_SIZE];
	struct address a;

	p->found++;
	if (p->too_long ||
	    address_parse_mailbox(span_make(p->run, p->n), ADDRESS_ALLOW_UTF8,
				  &a, NULL) != 0 ||
	    address_canonical(&a, canonical) != 0)
		return bad(p, "an address cannot be read");
	if (p->f->owns(p->f->ctx, canonical))
		return GOOD;
	p->run[p->n] = '\0';
	p->why = p->run;
	return FOREIGN;
}

static void
forget_run(struct reader *p)
{
	p->n = 0;
	p->has_at = p->joins = p->ends_in_dot = p->too_long = false;
}

/* A run turns out to be a part of a name. */
static enum verdict
end_name(struct reader *p)
{
	enum verdict v = p->n > 0 && p->has_at ? judge_run(p) : GOOD;

	if (v == GOOD) {
		p->has_words = p->has_words || p->n > 0;
		forget_run(p);
	}
	return v;
}

static enum verdict
take_word(struct reader *p)
{
	size_t n = word_size(p->rest);
	struct span word = span_head(p->rest, n);
	enum verdict v = GOOD;

	if (n == 0)
		return bad(p, "a quote has no end");
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)word.p[i];
		if ((c < ' ' && !is_space(word.p[i])) || c == 0x7f)
			return bad(p, "a control byte");
	}
	/* RFC 5322 3.2.5, 3.4.1: no phrase has a literal */
	if (word.p[0] == '[' && (!p->joins || p->ends_in_dot))
		return bad(p, "a stray character");
	bool joined = p->joins || word.p[0] == '.' || word.p[0] == '@';
	if (p->n > 0 && !joined)
		v = end_name(p);
	if (v != GOOD)
		return v;
	p->rest = span_skip(p->rest, n);
	p->ends_in_dot = word.p[n - 1] == '.';
	p->joins = p->ends_in_dot || word.p[n - 1] == '@';
	bool quoted = word.p[0] == '"' || word.p[0] == '[';
	p->has_at = p->has_at || (!quoted && span_find(word, '@', 0) >= 0);
	p->too_long = p->too_long || p->n + n >= RUN_MAX;
	if (!p->too_long)
		memcpy(p->run + p->n, word.p, n);
	p->n += p->too_long ? 1 : n;
	return GOOD;
}

/* ---- elements of the list -------------------------------------------------
 */

/* At ',' or ';' or the end: the address of the element, if it has one. */
static enum verdict
end_element(struct reader *p)
{
	enum verdict v = GOOD;

	if (!p->bracketed && p->has_words)
		return bad(p, "words that are no address");
	if (!p->bracketed && p->n > 0)
		v = judge_run(p);
	if (v != GOOD)
		return v;
	forget_run(p);
	p->has_words = p->bracketed = false;
	return GOOD;
}

/* Behind '<'. */
static enum verdict
begin_brackets(struct reader *p)
{
	if (p->bracketed)
		return bad(p, "two addresses without a comma");
	enum verdict v = end_name(p);
	p->has_words = false;
	p->bracketed = true;
	return v;
}

static enum verdict
end_brackets(struct reader *p)
{
	if (p->has_words)
		return bad(p, "two words in one address");
	enum verdict v = judge_run(p);
	if (v == GOOD)
		forget_run(p);
	return v;
}

static enum verdict
take_special(struct reader *p, bool *within)
{
	char c = p->rest.p[0];

	p->rest = span_skip(p->rest, 1);
	if (c == '<' && !*within) {
		*within = true;
		return begin_brackets(p);
	}
	if (c == '>' && *within) {
		*within = false;
		return end_brackets(p);
	}
	if (*within)
		return bad(p, "a stray character in an address");
	if (c == ',')
		return end_element(p);
	if (c == ':' && !p->in_group && !p->bracketed) { /* RFC 6854 */
		enum verdict v = end_name(p);
		p->has_words = false;
		p->in_group = true;
		return v;
	}
	if (c == ';' && p->in_group) {
		p->in_group = false;
		return end_element(p);
	}
	return bad(p, "a stray character");
}

/* Over blanks and comments: GOOD and *moved, or BAD. */
static enum verdict
skip_space(struct reader *p, bool *moved)
{
	size_t n = is_space(p->rest.p[0]) ? 1 : 0;

	if (p->rest.p[0] == '(') {
		n = comment_size(p->rest);
		if (n == 0)
			return bad(p, "a comment has no end");
	}
	*moved = n > 0;
	p->rest = span_skip(p->rest, n);
	return GOOD;
}

/* Every address of a field; *why as in struct reader, in `text`. */
static enum verdict
judge_field(const struct from_header *f, struct span value, char text[RUN_MAX])
{
	struct reader p = { .f = f, .rest = value };
	enum verdict v = GOOD;
	bool within = false;

	while (v == GOOD && p.rest.n > 0) {
		bool moved = false;
		v = skip_space(&p, &moved);
		if (v != GOOD || moved)
			continue;
		char c = p.rest.p[0];
		if (is_special(c) && c != '"' && c != '[')
			v = take_special(&p, &within);
		else if (p.bracketed && !within)
			v = bad(&p, "words behind '>'");
		else
			v = take_word(&p);
	}
	if (v == GOOD && within)
		v = bad(&p, "'<' without '>'");
	if (v == GOOD && p.in_group)
		v = bad(&p, "a group has no end");
	if (v == GOOD)
		v = end_element(&p);
	if (v == GOOD && p.found == 0)
		v = bad(&p, "no address");
	(void)snprintf(text, RUN_MAX, "%s", p.why != NULL ? p.why : "");
	return v;
}

/* ---- the header -----------------------------------------------------------
 */

struct fields {
	struct header_field from, sender, resent_from, resent_sender;
	unsigned n_from, n_sender;
};

/* As far as the first line that is no field: what follows is no header any more
 * (submit_fix_header). */
static void
find_fields(struct span block, struct fields *all)
{
	struct header_field h;

	*all = (struct fields){ .n_from = 0 };
	while (header_next(&block, &h) && h.name.n > 0) {
		if (span_eq_nocase(h.name, span_of("From"))) {
			all->from = h;
			all->n_from++;
		} else if (span_eq_nocase(h.name, span_of("Sender"))) {
			all->sender = h;
			all->n_sender++;
		} else if (span_eq_nocase(h.name, span_of("Resent-From")) &&
			   all->resent_from.whole.p == NULL) {
			all->resent_from = h; /* the first is the latest */
		} else if (span_eq_nocase(h.name, span_of("Resent-Sender")) &&
			   all->resent_sender.whole.p == NULL) {
			all->resent_sender = h;
		}
	}
}

static int
refuse(const struct from_header *f, const char *field, enum verdict v,
       const char *text, struct smtp_reply *r)
{
	if (v == FOREIGN)
		reply_set(r, 550, "5.7.1", "%s: <%s> is not an address of %s",
			  field, text, f->login);
	else
		reply_set(r, 550, "5.6.0", "%s field: %s", field, text);
	return -1;
}

/* Who has really sent it on; with or without Resent-From nobody else. */
static int
check_resent_sender(const struct from_header *f, const struct fields *all,
		    struct smtp_reply *r)
{
	char text[RUN_MAX];

	if (all->resent_sender.whole.p == NULL)
		return 0;
	enum verdict v = judge_field(f, all->resent_sender.value, text);
	return v == GOOD ? 0 : refuse(f, "Resent-Sender", v, text, r);
}

/* Nothing but blanks and comments? */
static bool
is_empty(struct span value)
{
	struct reader p = { .rest = value };
	bool moved = true;

	while (p.rest.n > 0 && moved) {
		if (skip_space(&p, &moved) != GOOD)
			return false;
	}
	return p.rest.n == 0;
}

/* Somebody else's message that the login sends on (RFC 5322 3.6.6): its From
 * and Sender are its author's, and stay; but it must have one. */
static int
check_resent(struct from_header *f, const struct fields *all,
	     struct smtp_reply *r)
{
	char text[RUN_MAX];
	enum verdict v = judge_field(f, all->resent_from.value, text);

	if (v == FOREIGN && f->mode == FROM_HEADER_SENDER) {
		f->needs_sender = f->redirected = true;
		return 0;
	}
	if (v != GOOD)
		return refuse(f, "Resent-From", v, text, r);
	if (all->n_from > 0 && is_empty(all->from.value))
		return refuse(f, "From", BAD, "no address", r);
	if (check_resent_sender(f, all, r) != 0)
		return -1;
	f->redirected = true;
	return 0;
}

static int
check_sender(struct from_header *f, const struct fields *all,
	     struct smtp_reply *r)
{
	char text[RUN_MAX] = "there is more than one";
	enum verdict v = BAD;

	if (all->n_sender == 0)
		return 0;
	if (all->n_sender == 1)
		v = judge_field(f, all->sender.value, text);
	if (v == GOOD)
		return 0;
	if (f->mode != FROM_HEADER_SENDER)
		return refuse(f, "Sender", v, text, r);
	f->needs_sender = true;
	return 0;
}

int
from_header_check(struct from_header *f, struct span block,
		  struct smtp_reply *r)
{
	struct fields all;
	char text[RUN_MAX];

	f->needs_sender = f->redirected = false;
	find_fields(block, &all);
	if (all.n_from > 1)
		return refuse(f, "From", BAD, "there is more than one", r);
	if (f->mode == FROM_HEADER_ANY)
		return 0;
	if (all.resent_from.whole.p != NULL)
		return check_resent(f, &all, r);
	if (check_resent_sender(f, &all, r) != 0)
		return -1;
	enum verdict v =
	    all.n_from == 0 ? GOOD : judge_field(f, all.from.value, text);
	if (v == GOOD)
		return check_sender(f, &all, r);
	if (v == BAD || f->mode == FROM_HEADER_OWN)
		return refuse(f, "From", v, text, r);
	f->needs_sender = true;
	return 0;
}
