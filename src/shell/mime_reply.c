#include <errno.h>
#include <string.h>

#include "mail/header.h"
#include "shell/mime_private.h"
#include "shell/width.h"

/* The answer to a message (RFC 5322 3.6.3 and 3.6.4). */
enum {
	REFERENCES_KEPT = 20, /* last ids; the first is kept as well */
	QUOTE_WIDTH = 72,
	ID_MAX = 250,
};

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_TEMP, errno, "reply");
}

/* ---- whom ------------------------------------------------------------------
 */

struct people {
	const struct mime *m;
	struct arena *arena;
	const char *me;
	struct buf left_out;
	struct buf seen; /* "\n" address "\n" ..., lower case */
};

/* 1 the first time this address is asked for, 0, -1. */
static int
is_new(struct people *p, const char *address)
{
	size_t start = p->seen.n;

	if (buf_addf(&p->seen, "\n%s\n", address) != 0)
		return -1;
	for (size_t i = start; i < p->seen.n; i++)
		p->seen.p[i] = (char)span_lower(p->seen.p[i]);
	size_t n = p->seen.n - start;
	if (start > 0 &&
	    memmem(p->seen.p, start, p->seen.p + start, n) != NULL) {
		p->seen.n = start;
		return 0;
	}
	return 1;
}

static int
put_person(struct buf *out, const struct mime_address *x)
{
	if (out->n > 0 && buf_add_str(out, ", ") != 0)
		return -1;
	return mime_address_text(x, out);
}

/* Addresses of field `name` that are new and (unless wanted) not mine. */
static int
add_people(struct people *p, const char *name, bool with_me, struct buf *out,
	   struct err *e)
{
	struct mime_address *list;
	unsigned n;

	if (mime_message_addresses(p->m, name, p->arena, &list, &n, e) != 0)
		return -1;
	for (unsigned i = 0; i < n; i++) {
		bool me =
		    p->me != NULL &&
		    span_eq_nocase(span_of(p->me), span_of(list[i].address));
		int once = 0;
		if (!(me && !with_me))
			once = is_new(p, list[i].address);
		if (once < 0 ||
		    (once > 0 &&
		     put_person(list[i].unusable ? &p->left_out : out,
				&list[i]) != 0))
			return no_memory(e);
	}
	return 0;
}

static int
choose_people(struct people *p, bool to_all, struct buf *to, struct buf *cc,
	      struct err *e)
{
	if (add_people(p, "Reply-To", false, to, e) != 0 ||
	    (to->n == 0 && add_people(p, "From", false, to, e) != 0))
		return -1;
	/* an answer to what I wrote goes where that went */
	if (to->n == 0 && add_people(p, "To", false, to, e) != 0)
		return -1;
	if (to->n == 0 && add_people(p, "From", true, to, e) != 0)
		return -1;
	if (to->n == 0)
		return err_set(
		    e, ERR_PERM, 0, "the message names nobody to answer%s%.*s",
		    p->left_out.n > 0 ? ", and this is no address: " : "",
		    SPAN_ARG(buf_span(&p->left_out)));
	if (to_all && (add_people(p, "To", false, cc, e) != 0 ||
		       add_people(p, "Cc", false, cc, e) != 0))
		return -1;
	return 0;
}

/* ---- subject and thread ----------------------------------------------------
 */

static int
reply_subject(const struct mime *m, struct buf *out)
{
	struct buf subject;
	int rc = -1;

	buf_init(&subject, MIME_HEADER_MAX * 8U);
	if (mime_header(m, "Subject", 0, &subject) < 0)
		goto out;
	struct span s = span_trim(buf_span(&subject));
	while (span_starts_nocase(s, span_of("re:")))
		s = span_trim(span_skip(s, 3));
	if (buf_add_str(out, "Re: ") == 0 && buf_add_span(out, s) == 0)
		rc = 0;
out:
	buf_free(&subject);
	return rc;
}

/* The next "<...>" of *rest: printable ASCII, not over-long. */
static struct span
next_id(struct span *rest)
{
	while (rest->n > 0) {
		long open = span_find(*rest, '<', 0);
		if (open < 0)
			break;
		*rest = span_skip(*rest, (size_t)open);
		size_t n = 1;
		while (n < rest->n && rest->p[n] > ' ' && rest->p[n] < 0x7f &&
		       rest->p[n] != '<' && rest->p[n] != '>')
			n++;
		struct span id = span_head(*rest, n + 1);
		bool good =
		    n < rest->n && rest->p[n] == '>' && n <= ID_MAX && n > 1;
		*rest = span_skip(*rest, n);
		if (good)
			return id;
	}
	rest->n = 0;
	return span_make(NULL, 0);
}

static unsigned
count_ids(struct span value)
{
	unsigned n = 0;

	while (next_id(&value).n > 0)
		n++;
	return n;
}

/* The first id and the last REFERENCES_KEPT of a chain. */
static int
put_chain(struct span value, struct buf *out)
{
	unsigned n = count_ids(value);

	for (unsigned i = 0; i < n; i++) {
		struct span id = next_id(&value);
		if (i > 0 && i + REFERENCES_KEPT < n)
			continue;
		if ((out->n > 0 && buf_add_char(out, ' ') != 0) ||
		    buf_add_span(out, id) != 0)
			return -1;
	}
	return 0;
}

static int
reply_thread(const struct mime *m, struct buf *in_reply_to,
	     struct buf *references)
{
	struct header_field f;
	struct span value = { 0 };

	if (header_find(m->header, "Message-ID", &f))
		value = f.value;
	struct span id = next_id(&value);
	bool found = header_find(m->header, "References", &f) ||
		     (header_find(m->header, "In-Reply-To", &f) &&
		      count_ids(f.value) == 1);
	if (found && put_chain(f.value, references) != 0)
		return -1;
	if (id.n == 0) /* the parent's references are taken all the same */
		return 0;
	if (references->n > 0 && buf_add_char(references, ' ') != 0)
		return -1;
	return buf_add_span(in_reply_to, id) | buf_add_span(references, id);
}

/* ---- quoted text -----------------------------------------------------------
 */

static int
quote_lines(struct span text, struct buf *out)
{
	while (text.n > 0) {
		long lf = span_find(text, '\n', 0);
		struct span line = lf < 0 ? text : span_head(text, (size_t)lf);
		text = span_skip(text, line.n + (lf < 0 ? 0 : 1));
		if (span_eq(line, span_of("-- ")))
			break; /* the signature is not part of the talk */
		const char *mark = "> ";
		if (line.n == 0 || line.p[0] == '>')
			mark = ">";
		if (buf_add_str(out, mark) != 0 ||
		    buf_add_span(out, line) != 0 ||
		    buf_add_char(out, '\n') != 0)
			return -1;
	}
	return 0;
}

static int
reply_body(const struct mime *m, const char *author, struct buf *out,
	   struct err *e)
{
	struct mime_render_options o = { .headers = MIME_HEADERS_NONE,
					 .width = QUOTE_WIDTH,
					 .no_attachments = true };
	struct buf text, date;
	int rc = -1;

	buf_init(&text, MIME_TEXT_MAX + MIME_HEADER_MAX);
	buf_init(&date, MIME_HEADER_MAX * 8U);
	if (mime_render(m, &o, &text, e) != 0)
		goto out;
	int found = mime_header(m, "Date", 0, &date);
	int put = found > 0 ? buf_addf(out, "On %.*s, %s wrote:\n",
				       SPAN_ARG(buf_span(&date)), author)
			    : buf_addf(out, "%s wrote:\n", author);
	struct span lines = buf_span(&text);
	while (lines.n > 0 && lines.p[lines.n - 1] == '\n')
		lines.n--;
	if (found < 0 || put != 0 || quote_lines(lines, out) != 0) {
		(void)no_memory(e);
		goto out;
	}
	rc = 0;
out:
	buf_free(&text);
	buf_free(&date);
	return rc;
}

/* Name of the first author, else the address, else "Somebody". */
static int
author_of(struct people *p, const char **author, struct err *e)
{
	struct mime_address *list;
	unsigned n;

	if (mime_message_addresses(p->m, "From", p->arena, &list, &n, e) != 0)
		return -1;
	*author = "Somebody";
	if (n > 0)
		*author = mime_address_author(&list[0]);
	return 0;
}

/* ---- all of it -------------------------------------------------------------
 */

enum { TO, CC, SUBJECT, IN_REPLY_TO, REFERENCES, LEFT_OUT, BODY, FIELDS };

static int
fill(struct people *p, const struct mime_reply_options *o, struct buf *b,
     struct err *e)
{
	const char *author;

	if (choose_people(p, o->to_all, &b[TO], &b[CC], e) != 0 ||
	    author_of(p, &author, e) != 0)
		return -1;
	if (reply_subject(p->m, &b[SUBJECT]) != 0 ||
	    reply_thread(p->m, &b[IN_REPLY_TO], &b[REFERENCES]) != 0)
		return no_memory(e);
	if (buf_add_span(&b[LEFT_OUT], buf_span(&p->left_out)) != 0)
		return no_memory(e);
	return o->quote ? reply_body(p->m, author, &b[BODY], e) : 0;
}

int
mime_make_reply(const struct mime *m, const struct mime_reply_options *o,
		struct arena *a, struct mime_reply *r, struct err *e)
{
	struct people p = { .m = m, .arena = a, .me = o->me };
	struct buf b[FIELDS];
	const char *text[FIELDS];
	int rc = -1;

	buf_init(&p.seen, MIME_HEADER_MAX * 8U);
	buf_init(&p.left_out, MIME_HEADER_MAX * 8U);
	for (int i = 0; i < FIELDS; i++)
		buf_init(&b[i], i == BODY
				    ? (MIME_TEXT_MAX + MIME_HEADER_MAX) * 2U
				    : MIME_HEADER_MAX * 8U);
	if (fill(&p, o, b, e) != 0)
		goto out;
	for (int i = 0; i < FIELDS; i++) {
		text[i] = mime_buf_str(&b[i], a);
		if (text[i] == NULL) {
			(void)no_memory(e);
			goto out;
		}
	}
	*r = (struct mime_reply){ .to = text[TO],
				  .cc = text[CC],
				  .subject = text[SUBJECT],
				  .in_reply_to = text[IN_REPLY_TO],
				  .references = text[REFERENCES],
				  .left_out = text[LEFT_OUT],
				  .body = text[BODY] };
	rc = 0;
out:
	buf_free(&p.seen);
	buf_free(&p.left_out);
	for (int i = 0; i < FIELDS; i++)
		buf_free(&b[i]);
	return rc;
}
