#include <errno.h>
#include <string.h>

#include "mail/header.h"
#include "mail/utf8.h"
#include "sendmail/sendmail.h"

/*
 * What sendmail has always mended in a header, and programs rely on: mbox lines
 * and blank lines in front of it, and addresses without a domain (cron writes
 * "From: root (Cron Daemon)").  RFC 5322 3.4.1 wants a domain, and servers
 * outside refuse mail without; RFC 6409 4.2 and 8 leave the mending to whoever
 * takes the message first.
 */

/* ---- what stands in front -------------------------------------------------
 */

/* "From alice Mon Nov 30 10:00:00 2026", ">From ...": a program that keeps
 * mail in mbox files.  A body that begins so is text: no time, no field. */
static bool
is_mbox_line(struct span line, struct span rest)
{
	struct header_field f;

	while (line.n > 0 && line.p[0] == '>')
		line = span_skip(line, 1);
	if (line.n < 5 || memcmp(line.p, "From ", 5) != 0)
		return false;
	for (size_t i = 6; i + 1 < line.n; i++)
		if (line.p[i] == ':' && span_is_digit(line.p[i - 1]) &&
		    span_is_digit(line.p[i + 1]))
			return true;
	return header_next(&rest, &f) && f.name.n > 0;
}

static void
drop_mbox_lines(struct buf *text)
{
	long lf;

	while ((lf = span_find(buf_span(text), '\n', 0)) >= 0) {
		size_t n = (size_t)lf + 1;
		if (!is_mbox_line(span_head(buf_span(text), n),
				  span_skip(buf_span(text), n)))
			return;
		buf_consume(text, n);
	}
}

/* The recipients are in the header (-t), so there must be one: blank lines
 * before its first field are a slip of a script's here document. */
static void
drop_blank_lines(struct buf *text)
{
	struct span rest = buf_span(text);
	struct header_field f;
	size_t n = 0;

	for (size_t i = 0;
	     i < rest.n && (span_is_blank(rest.p[i]) || rest.p[i] == '\n'); i++)
		if (rest.p[i] == '\n')
			n = i + 1;
	rest = span_skip(rest, n);
	if (n > 0 && header_next(&rest, &f) && f.name.n > 0)
		buf_consume(text, n);
}

void
sendmail_header_begin(struct buf *text, bool recipients_inside)
{
	drop_mbox_lines(text);
	if (recipients_inside)
		drop_blank_lines(text);
}

/* ---- addresses without a domain -------------------------------------------
 */

bool
sendmail_header_is_local(struct span domain, const struct sendmail_options *o)
{
	static const char *const names[] = { "localhost",
					     "localhost.localdomain" };

	/* with its root, as resolvers write it */
	if (domain.n > 0 && domain.p[domain.n - 1] == '.')
		domain.n--;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (span_eq_nocase(domain, span_of(names[i])))
			return true;
	for (size_t i = 0; i < o->own_domains.n; i++)
		if (span_eq_nocase(domain, span_of(o->own_domains.v[i])))
			return true;
	return false;
}

/* One address as far as it was read. */
struct place {
	size_t begin;   /* of its last word */
	size_t at;      /* behind its last word: where a domain goes */
	size_t past;    /* behind a name of this machine, which is none; or 0 */
	unsigned words; /* outside brackets only one is an address */
	bool domain;    /* it has one, or something that is none */
	bool bracket;   /* we are in <> */
	bool done;      /* <> was closed: what follows is no address */
};

struct completion {
	struct span value;
	const struct sendmail_options *o;
	const char *root; /* who "root" is in this field; NULL: root */
	struct buf *out;
	size_t copied; /* bytes of value in *out */
	struct place place;
};

static int
put_domain(struct completion *c)
{
	struct place *p = &c->place;
	size_t end = p->at;
	const char *name = "";

	if (p->words != 1 || p->domain || p->done)
		return 0;
	if (c->root != NULL && p->at - p->begin == 4 &&
	    memcmp(c->value.p + p->begin, "root", 4) == 0) {
		end = p->begin;
		name = c->root;
	}
	if (buf_add(c->out, c->value.p + c->copied, end - c->copied) != 0 ||
	    buf_addf(c->out, "%s@%s", name, c->o->domain) != 0)
		return -1;
	c->copied = p->past > 0 ? p->past : p->at;
	return 0;
}

/* Offset behind what begins at i: a comment, a quoted string, a literal; 0 when
 * that has no end. */
static size_t
enclosed_end(struct span s, size_t i)
{
	char open = s.p[i];
	char close = (char)(open == '(' ? ')' : open == '[' ? ']' : '"');
	unsigned depth = 0;

	for (; i < s.n; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == close && (close != '"' || depth > 0)) {
			if (--depth == 0)
				return i + 1;
		} else if (s.p[i] == open && (depth == 0 || open == '('))
			depth++;
	}
	return 0;
}

/* An atom, which may be the local part: not an encoded word, nor a name in
 * another alphabet. */
static size_t
take_atom(struct completion *c, size_t i)
{
	struct place *p = &c->place;
	size_t from = i;

	for (; i < c->value.n; i++) {
		char x = c->value.p[i];
		if (x <= ' ' || memchr("<>,;:()[]\"@\\", x, 12) != NULL)
			break;
	}
	if (i == from)
		i++; /* a byte that fits nowhere */
	else if (!p->bracket || p->words == 0) {
		p->begin = from;
		p->at = i;
	}
	p->words++;
	if (c->value.p[from] == '=' || (unsigned char)c->value.p[from] > '~' ||
	    c->value.p[from] < ' ')
		p->domain = true;
	return i;
}

/* A domain follows; "localhost" is none (RFC 6761 6.3), yet programs that know
 * no other write it. */
static size_t
take_at(struct completion *c, size_t i)
{
	struct place *p = &c->place;
	size_t end = i + 1;

	while (end < c->value.n && c->value.p[end] > ' ' &&
	       memchr("<>,;:()[]\"@\\", c->value.p[end], 12) == NULL)
		end++;
	struct span domain = span_make(c->value.p + i + 1, end - i - 1);
	if (p->words == 1 && p->at == i &&
	    sendmail_header_is_local(domain, c->o))
		p->past = end;
	else
		p->domain = true;
	return p->past > 0 ? end : i + 1;
}

/* The token at i: the offset behind it, 0 for a value that cannot be read. */
static size_t
take_token(struct completion *c, size_t i)
{
	struct place *p = &c->place;
	size_t end = i + 1;

	switch (c->value.p[i]) {
	case ' ':
	case '\t':
	case '\n':
		return end;
	case '(':
		return enclosed_end(c->value, i);
	case '@':
		return take_at(c, i);
	case '[':
	case '\\':
		p->domain = true;
		return c->value.p[i] == '[' ? enclosed_end(c->value, i) : end;
	case '"':
		end = enclosed_end(c->value, i);
		p->words++;
		p->begin = i;
		p->at = end;
		return end;
	case '<':
		*p = (struct place){ .bracket = true };
		return end;
	case '>':
		if (!p->bracket || put_domain(c) != 0)
			return 0;
		*p = (struct place){ .done = true };
		return end;
	case ':':
		/* the name of a group; in brackets the end of a route */
		*p = (struct place){ .bracket = p->bracket,
				     .domain = p->bracket };
		return end;
	case ',':
	case ';':
		if (p->bracket || put_domain(c) != 0)
			return p->bracket ? end : 0;
		*p = (struct place){ .words = 0 };
		return end;
	default:
		return take_atom(c, i);
	}
}

/* `whole` with its bare addresses completed; as it is when it cannot be read.
 */
static int
complete_field(struct span whole, const struct sendmail_options *o,
	       const char *root, struct buf *out)
{
	long colon = span_find(whole, ':', 0);
	struct completion c = { .o = o, .root = root, .out = out };
	size_t start = out->n, i = 0;

	c.value = span_skip(whole, (size_t)colon + 1);
	if (buf_add(out, whole.p, (size_t)colon + 1) != 0)
		return -1;
	while (i < c.value.n) {
		i = take_token(&c, i);
		if (i == 0)
			break;
	}
	if (i > 0 && !c.place.bracket && put_domain(&c) == 0)
		return buf_add_span(out, span_skip(c.value, c.copied));
	out->n = start;
	return buf_add_span(out, whole);
}

static bool
holds_addresses(struct span name)
{
	static const char *const names[] = { "From", "Sender", "Reply-To", "To",
					     "Cc",   "Bcc",    "Errors-To" };
	static const struct span resent = { "Resent-", 7 };

	if (span_starts_nocase(name, resent))
		name = span_skip(name, resent.n);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (span_eq_nocase(name, span_of(names[i])))
			return true;
	return false;
}

/* The root that a user's program names as the author is no other than the
 * user: cron says so of every job's output, whoever's the job is. */
static bool
names_author(struct span name)
{
	return span_eq_nocase(name, span_of("From")) ||
	       span_eq_nocase(name, span_of("Sender"));
}

int
sendmail_header_complete(struct buf *text, const struct sendmail_options *o,
			 const char *me, struct err *e)
{
	struct span rest = buf_span(text), before = rest;
	struct header_field f;
	struct buf out;
	int rc = 0;

	buf_init(&out, text->max);
	for (; rc == 0 && header_next(&rest, &f) && f.name.n > 0; before = rest)
		rc =
		    holds_addresses(f.name)
			? complete_field(f.whole, o,
					 names_author(f.name) ? me : NULL, &out)
			: buf_add_span(&out, f.whole);
	if (rc != 0 || buf_add_span(&out, before) != 0) {
		buf_free(&out);
		return err_set(e, ERR_TEMP, errno, "message");
	}
	buf_free(text);
	*text = out;
	return 0;
}

/* ---- From, where there is none --------------------------------------------
 */

/* `name` as a quoted string (RFC 5322 3.2.4). */
static int
put_quoted_name(struct buf *out, const char *name)
{
	int rc = buf_add_char(out, '"');

	for (const char *c = name; *c != '\0'; c++) {
		if (*c == '"' || *c == '\\')
			rc |= buf_add_char(out, '\\');
		rc |= buf_add_char(out, *c);
	}
	return rc | buf_add_char(out, '"');
}

/* As encoded words (RFC 2047 2: of at most 75 characters, each of whole
 * characters). */
static int
put_encoded_name(struct buf *out, const char *name)
{
	enum { WORD_BYTES = 18 }; /* 3 characters each, and a character more */
	size_t in_word = 0;
	int rc = buf_add_str(out, "=?UTF-8?Q?");

	for (const char *c = name; *c != '\0'; c++, in_word++) {
		unsigned char x = (unsigned char)*c;
		if (in_word >= WORD_BYTES && (x & 0xC0) != 0x80) {
			rc |= buf_add_str(out, "?=\n =?UTF-8?Q?");
			in_word = 0;
		}
		bool plain = span_is_digit(*c) ||
			     (span_lower(*c) >= 'a' && span_lower(*c) <= 'z');
		rc |= plain ? buf_add_char(out, *c) : buf_addf(out, "=%02X", x);
	}
	return rc | buf_add_str(out, "?=");
}

int
sendmail_header_from(struct buf *text, const char *name, const char *address,
		     struct err *e)
{
	struct span whole = buf_span(text), rest = whole;
	struct header_field f;
	struct buf out;
	bool any = header_next(&rest, &f) && f.name.n > 0, ascii = true;
	int rc = 0;

	if (name[0] == '\0' || strlen(name) >= SENDMAIL_NAME_SIZE ||
	    !utf8_is_valid(span_of(name)) || header_find(whole, "From", &f))
		return 0;
	for (const char *c = name; *c != '\0'; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return 0;
		ascii = ascii && (unsigned char)*c < 0x7f;
	}
	buf_init(&out, text->max);
	rc |= buf_add_str(&out, "From: ");
	rc |=
	    ascii ? put_quoted_name(&out, name) : put_encoded_name(&out, name);
	rc |= buf_addf(&out, " <%s>\n%s", address, any ? "" : "\n");
	rc |= buf_add_span(&out, whole);
	if (rc != 0) {
		buf_free(&out);
		return err_set(e, ERR_TEMP, errno, "message");
	}
	buf_free(text);
	*text = out;
	return 0;
}
