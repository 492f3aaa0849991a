#include <errno.h>

#include "mail/date.h"
#include "mail/header.h"
#include "shell/mime_private.h"
#include "shell/width.h"

/* Values of header fields that others wrote: lenient, decoded, clean. */

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_TEMP, errno, "header field");
}

/* ---- addresses -------------------------------------------------------------
 */

struct list {
	struct arena *arena;
	struct mime_address *items;
	unsigned n, max;
};

/* ---- lenient ---------------------------------------------------------------
 */

struct visitor {
	int (*take)(void *ctx, const struct mime_address *x, struct err *e);
	void *ctx;
};

static int
visit_mailbox(void *ctx, struct span who, struct span where, struct err *e)
{
	const struct visitor *v = ctx;
	struct mime_address address;
	struct buf name, spec;
	int rc = -1;

	buf_init(&name, MIME_HEADER_MAX * 4U);
	buf_init(&spec, MIME_HEADER_MAX * 4U);
	if (width_clean(who, 0, &name) != 0 || buf_add_char(&name, '\0') != 0 ||
	    width_clean(where, 0, &spec) != 0 ||
	    buf_add_char(&spec, '\0') != 0) {
		(void)no_memory(e);
		goto out;
	}
	address = (struct mime_address){ .name = name.p, .address = spec.p };
	rc = v->take(v->ctx, &address, e);
out:
	buf_free(&name);
	buf_free(&spec);
	return rc;
}

/* The value on one line as a C string without NUL bytes. */
static int
line_of(struct span value, struct buf *out)
{
	size_t start = out->n;

	if (header_unfold(value, out) != 0)
		return -1;
	for (size_t i = start; i < out->n; i++)
		if (out->p[i] == '\0')
			out->p[i] = ' ';
	return buf_add_char(out, '\0');
}

static int
visit_value(struct span value, const struct visitor *v, struct err *e)
{
	union {
		const struct visitor *in;
		void *out;
	} ctx = { v };
	const struct mime_mailbox_visitor each = { visit_mailbox, ctx.out };
	struct buf line, list_text;
	int rc;

	buf_init(&line, MIME_HEADER_MAX + 1);
	buf_init(&list_text, MIME_HEADER_MAX * 4U);
	if (line_of(value, &line) != 0 ||
	    mime_words_quoted(span_make(line.p, line.n - 1), &list_text) != 0)
		rc = no_memory(e);
	else
		rc = mime_mailbox_visit(buf_span(&list_text), &each, e);
	buf_free(&line);
	buf_free(&list_text);
	return rc;
}

/* For writing back. */
static int
keep(void *ctx, const struct mime_address *x, struct err *e)
{
	struct list *l = ctx;
	struct mime_address *kept = &l->items[l->n];
	struct buf address;
	int usable;

	if (l->n == l->max)
		return err_set(e, ERR_LIMIT, 0, "more than %u addresses",
			       l->max);
	buf_init(&address, MIME_HEADER_MAX * 4U);
	usable = mime_mailbox_usable(span_of(x->address), &address);
	kept->name = arena_str(l->arena, span_of(x->name));
	kept->address = usable < 0 ? NULL : mime_buf_str(&address, l->arena);
	kept->unusable = usable == 0;
	buf_free(&address);
	if (kept->name == NULL || kept->address == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "address list");
	l->n++;
	return 0;
}

int
mime_value_addresses(struct span value, struct arena *a,
		     struct mime_address **list, unsigned *n, struct err *e)
{
	struct list l = { .arena = a };
	struct visitor v = { keep, &l };

	*list = NULL;
	*n = 0;
	l.items = arena_alloc(a, MIME_ADDRESSES_MAX * sizeof(*l.items));
	l.max = MIME_ADDRESSES_MAX;
	if (l.items == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "address list");
	if (visit_value(value, &v, e) != 0)
		return -1;
	*list = l.items;
	*n = l.n;
	return 0;
}

/* For showing: everything. */
static int
show(void *ctx, const struct mime_address *x, struct err *e)
{
	struct buf *out = ctx;

	if ((out->n > 0 && buf_add_str(out, ", ") != 0) ||
	    mime_address_text(x, out) != 0)
		return no_memory(e);
	return 0;
}

static bool
is_address_field(const char *name)
{
	static const char *const fields[] = { "From", "To",     "Cc",
					      "Bcc",  "Sender", "Reply-To" };

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (span_eq_nocase(span_of(name), span_of(fields[i])))
			return true;
	return false;
}

int
mime_value_text(const char *name, struct span value, struct buf *out)
{
	struct buf line, shown, decoded;
	int rc = -1;

	buf_init(&line, MIME_HEADER_MAX + 1);
	buf_init(&decoded, MIME_HEADER_MAX * 8U);
	buf_init(&shown, MIME_HEADER_MAX * 8U);
	if (is_address_field(name)) {
		struct visitor v = { show, &shown };
		if (visit_value(value, &v, NULL) != 0)
			goto out;
	}
	if (shown.n == 0) { /* no addresses, or none that could be read */
		if (line_of(value, &line) != 0 ||
		    mime_words_text(span_make(line.p, line.n - 1), &decoded) !=
			0 ||
		    width_clean(span_trim(buf_span(&decoded)), 0, &shown) != 0)
			goto out;
	}
	rc = buf_add_span(out, buf_span(&shown));
out:
	buf_free(&decoded);
	buf_free(&line);
	buf_free(&shown);
	return rc;
}

/* ---- one line of `list` ----------------------------------------------------
 */

/* Cut at a character, with U+2026 in place of what is left out. */
static int
shorten(struct buf *text, size_t most)
{
	if (text->n <= most)
		return 0;
	text->n = most;
	while (text->n > 0 && (text->p[text->n] & 0xC0) == 0x80)
		text->n--;
	return buf_add_str(text, "\xE2\x80\xA6");
}

/* The value of field `name` as `list` shows it; "" when missing. */
static int
take_text(struct span header, const char *name, size_t most, struct arena *a,
	  const char **text, struct err *e)
{
	struct header_field f;
	struct buf value;

	buf_init(&value, MIME_HEADER_MAX * 8U);
	*text = NULL;
	if ((!header_find(header, name, &f) ||
	     mime_value_text(name, f.value, &value) == 0) &&
	    shorten(&value, most) == 0)
		*text = mime_buf_str(&value, a);
	buf_free(&value);
	return *text == NULL ? no_memory(e) : 0;
}

static int
first_name(void *ctx, const struct mime_address *x, struct err *e)
{
	struct buf *out = ctx;

	if (out->n == 0 && buf_add_str(out, mime_address_author(x)) != 0)
		return no_memory(e);
	return 0;
}

static int
take_author(struct span header, struct arena *a, struct mime_summary *s,
	    struct err *e)
{
	struct header_field f;
	struct buf name;
	int rc = -1;

	buf_init(&name, MIME_HEADER_MAX * 8U);
	struct visitor v = { first_name, &name };
	if (header_find(header, "From", &f) && visit_value(f.value, &v, e) != 0)
		goto out;
	if (shorten(&name, MIME_SUMMARY_MAX) == 0)
		s->from_name = name.n == 0 ? s->from : mime_buf_str(&name, a);
	rc = s->from_name == NULL ? no_memory(e) : 0;
out:
	buf_free(&name);
	return rc;
}

/* Without the body only the outer type can tell. */
static bool
looks_attached(struct span header)
{
	struct header_field f;

	if (!header_find(header, "Content-Type", &f))
		return false;
	if (span_starts_nocase(f.value, span_of("multipart/")))
		return span_starts_nocase(f.value, span_of("multipart/mixed"));
	return !span_starts_nocase(f.value, span_of("text/"));
}

/* RFC 5321 4.4: the date stands behind the last ';'. */
static int64_t
received_at(struct span header)
{
	struct header_field f;
	int64_t at = 0;
	int zone;
	size_t i;

	if (!header_find(header, "Received", &f))
		return 0;
	for (i = f.value.n; i > 0 && f.value.p[i - 1] != ';'; i--)
		;
	if (i == 0 || date_parse(span_skip(f.value, i), &at, &zone, NULL) != 0)
		return 0;
	return at;
}

int
mime_summarise(struct span header, struct arena *a, struct mime_summary *s,
	       struct err *e)
{
	const size_t most = MIME_SUMMARY_MAX, list = MIME_SUMMARY_LIST_MAX;
	struct header_field f;

	*s = (struct mime_summary){ .has_attachment = looks_attached(header) };
	if (take_text(header, "From", most, a, &s->from, e) != 0 ||
	    take_author(header, a, s, e) != 0 ||
	    take_text(header, "To", list, a, &s->to, e) != 0 ||
	    take_text(header, "Cc", list, a, &s->cc, e) != 0 ||
	    take_text(header, "Subject", most, a, &s->subject, e) != 0 ||
	    take_text(header, "Message-ID", most, a, &s->message_id, e) != 0 ||
	    take_text(header, "References", most, a, &s->references, e) != 0)
		return -1;
	s->has_date =
	    header_find(header, "Date", &f) &&
	    date_parse(f.value, &s->date_s, &s->zone_minutes, NULL) == 0;
	s->received_s = received_at(header);
	return 0;
}
