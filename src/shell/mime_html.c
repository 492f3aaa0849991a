#include <stdlib.h>
#include <string.h>

#include "shell/mime_private.h"

/*
 * HTML without w3m: tags are stripped; breaks and entities are understood, the
 * targets of links are written behind them, the alt texts of pictures in
 * brackets.
 */
enum { ENTITY_MAX = 10 };

/* ---- without it ------------------------------------------------------------
 */

struct strip {
	struct buf *out;
	struct mime_tags tags;
	struct span link; /* target of the <a> we are in */
	bool gap;         /* a blank is due before the next text */
	bool pre;
};

static int
newline(struct strip *s, unsigned wanted)
{
	unsigned have = 0;

	s->gap = false;
	if (s->out->n == 0)
		return 0;
	while (have < s->out->n && have < wanted &&
	       s->out->p[s->out->n - 1 - have] == '\n')
		have++;
	for (; have < wanted; have++)
		if (buf_add_char(s->out, '\n') != 0)
			return -1;
	return 0;
}

static int
put_text(struct strip *s, struct span text)
{
	if (s->gap && s->out->n > 0 && s->out->p[s->out->n - 1] != '\n' &&
	    buf_add_char(s->out, ' ') != 0)
		return -1;
	s->gap = false;
	return buf_add_span(s->out, text);
}

static bool
is_one_of(struct span name, const char *const *names)
{
	for (; *names != NULL; names++)
		if (span_eq_nocase(name, span_of(*names)))
			return true;
	return false;
}

/* "&amp;" at the start of `text`; *used bytes of it. */
static int
take_entity(struct strip *s, struct span text, size_t *used)
{
	static const struct {
		const char *name, *text;
	} known[] = {
		{ "amp", "&" },
		{ "lt", "<" },
		{ "gt", ">" },
		{ "quot", "\"" },
		{ "apos", "'" },
		{ "nbsp", " " },
		{ "copy", "\xC2\xA9" },
		{ "euro", "\xE2\x82\xAC" },
		{ "ndash", "\xE2\x80\x93" },
		{ "mdash", "\xE2\x80\x94" },
		{ "hellip", "\xE2\x80\xA6" },
		{ "auml", "\xC3\xA4" },
		{ "ouml", "\xC3\xB6" },
		{ "uuml", "\xC3\xBC" },
		{ "szlig", "\xC3\x9F" },
		{ "eacute", "\xC3\xA9" },
		{ "egrave", "\xC3\xA8" },
		{ "rsquo", "\xE2\x80\x99" },
		{ "lsquo", "\xE2\x80\x98" },
		{ "ldquo", "\xE2\x80\x9C" },
		{ "rdquo", "\xE2\x80\x9D" },
		{ "bull", "\xE2\x80\xA2" },
	};
	long end = span_find(span_head(text, ENTITY_MAX), ';', 1);
	char digits[ENTITY_MAX];
	gchar utf8[6];

	*used = 1;
	if (end < 2)
		return put_text(s, span_head(text, 1));
	struct span name = span_make(text.p + 1, (size_t)end - 1);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (span_eq(name, span_of(known[i].name))) {
			*used = (size_t)end + 1;
			return put_text(s, span_of(known[i].text));
		}
	if (name.p[0] != '#' ||
	    span_copy(span_skip(name, 1), digits, sizeof(digits)) != 0)
		return put_text(s, span_head(text, 1));
	bool hex = digits[0] == 'x' || digits[0] == 'X';
	unsigned long uc = strtoul(digits + hex, NULL, hex ? 16 : 10);
	if (uc == 0 || uc > 0x10FFFF || (uc >= 0xD800 && uc < 0xE000))
		uc = 0xFFFD;
	*used = (size_t)end + 1;
	gint n = g_unichar_to_utf8((gunichar)uc, utf8);
	return put_text(s, span_make(utf8, (size_t)n));
}

/* Text up to the next '<' or '&'. */
static int
take_run(struct strip *s, struct span run)
{
	size_t from = 0;

	if (s->pre)
		return put_text(s, run);
	for (size_t i = 0; i <= run.n; i++) {
		bool blank =
		    i < run.n && (span_is_blank(run.p[i]) || run.p[i] == '\n' ||
				  run.p[i] == '\r');
		if (i < run.n && !blank)
			continue;
		if (i > from &&
		    put_text(s, span_make(run.p + from, i - from)) != 0)
			return -1;
		from = i + 1;
		s->gap = s->gap || blank;
	}
	return 0;
}

/* The value of an attribute, as text. */
static int
put_value(struct strip *s, struct span v)
{
	size_t used = 0;
	int rc = 0;

	for (; rc == 0 && v.n > 0; v = span_skip(v, used)) {
		long amp = span_find(v, '&', 0);
		if (amp == 0) {
			rc = take_entity(s, v, &used);
			continue;
		}
		used = amp < 0 ? v.n : (size_t)amp;
		rc = take_run(s, span_head(v, used));
	}
	return rc;
}

/* A picture speaks by its alt text; one of blanks is none. */
static int
put_picture(struct strip *s, struct span alt)
{
	struct strip before = *s;
	size_t start = s->out->n;

	alt = span_trim(alt);
	if (alt.n == 0)
		return 0;
	s->pre = false;
	if (put_text(s, span_of("[")) != 0)
		return -1;
	size_t text = s->out->n;
	if (put_value(s, alt) != 0)
		return -1;
	s->gap = false;
	s->pre = before.pre;
	if (!mime_charset_is_blank(span_skip(buf_span(s->out), text)))
		return put_text(s, span_of("]"));
	s->out->n = start;
	*s = before;
	return 0;
}

static int
end_link(struct strip *s)
{
	struct span link = s->link;
	size_t start = s->out->n;
	bool pre = s->pre, gap = s->gap;

	s->link = span_make(NULL, 0);
	if (!span_starts_nocase(link, span_of("http")) || link.n > 2000)
		return 0;
	s->pre = true;
	s->gap = false;
	if (buf_add_str(s->out, " <") != 0 || put_value(s, link) != 0)
		return -1;
	s->pre = pre;
	s->gap = gap;
	struct span target = span_skip(buf_span(s->out), start + 2);
	struct span shown = span_head(buf_span(s->out), start);
	/* the text is the target already */
	if (shown.n >= target.n &&
	    span_eq(span_skip(shown, shown.n - target.n), target)) {
		s->out->n = start;
		return 0;
	}
	return buf_add_char(s->out, '>');
}

static int
take_block(struct strip *s, struct span name, bool closing)
{
	static const char *const blocks[] = {
		"p",  "div", "table", "ul",  "ol", "h1",         "h2", "h3",
		"h4", "h5",  "h6",    "pre", "hr", "blockquote", NULL
	};
	static const char *const lines[] = {
		"br", "tr", "li", "dt", "dd", NULL
	};

	if (is_one_of(name, blocks))
		return newline(s, span_eq_nocase(name, span_of("div")) ? 1 : 2);
	if (is_one_of(name, lines) && newline(s, 1) == 0 && !closing &&
	    span_eq_nocase(name, span_of("li")))
		return buf_add_str(s->out, "* ");
	if (span_eq_nocase(name, span_of("td")))
		s->gap = true;
	return 0;
}

/* `tag` is what stands between < and >, `rest` what stands behind it; *hidden
 * bytes of that are no text. */
static int
take_tag(struct strip *s, struct span tag, struct span rest, size_t *hidden)
{
	static const char *const pictures[] = { "img", "area", "input", NULL };
	bool closing = tag.n > 0 && tag.p[0] == '/';
	size_t n = 0;

	if (closing)
		tag = span_skip(tag, 1);
	while (n < tag.n && tag.p[n] > ' ' && tag.p[n] != '/')
		n++;
	struct span name = span_head(tag, n), attributes = span_skip(tag, n);
	if (!closing)
		*hidden = mime_tag_hidden(&s->tags, name, rest);
	if (span_eq_nocase(name, span_of("pre")))
		s->pre = !closing;
	if (span_eq_nocase(name, span_of("a"))) {
		if (closing)
			return end_link(s);
		s->link = mime_tag_attribute(attributes, "href");
	}
	if (!closing && is_one_of(name, pictures))
		return put_picture(s, mime_tag_attribute(attributes, "alt"));
	return take_block(s, name, closing);
}

/* Where text goes on: at the next '<' or '&', not at the first byte. */
static size_t
run_length(struct span html)
{
	size_t n = 1;

	while (n < html.n && html.p[n] != '<' && html.p[n] != '&')
		n++;
	return n;
}

static int
strip_tags(struct span html, struct buf *out)
{
	struct strip s = { .out = out };

	while (html.n > 0) {
		size_t used =
		    mime_tag_begins(html) ? mime_tag_end(&s.tags, html) : 0;
		size_t hidden = 0;
		int rc = 0;
		if (used > 0 && html.p[1] != '!') {
			rc = take_tag(&s, span_make(html.p + 1, used - 2),
				      span_skip(html, used), &hidden);
		} else if (used == 0 && html.p[0] == '&') {
			rc = take_entity(&s, html, &used);
		} else if (used == 0) { /* a '<' that begins no tag, too */
			used = run_length(html);
			rc = take_run(&s, span_head(html, used));
		}
		if (rc != 0)
			return -1;
		html = span_skip(html, used + hidden);
	}
	while (out->n > 0 && out->p[out->n - 1] == '\n')
		out->n--;
	return newline(&s, 1);
}

/* <meta charset=...> and <meta http-equiv=... content="...; charset=...">. */
void
mime_html_charset(struct span html, char charset[MIME_CHARSET_SIZE])
{
	static const struct span want = { "charset=", 8 };
	enum { HEAD_MAX = 4096 };

	charset[0] = '\0';
	html = span_head(html, HEAD_MAX);
	for (; html.n > want.n; html = span_skip(html, 1)) {
		if (!span_starts_nocase(html, want))
			continue;
		struct span name = span_skip(html, want.n);
		while (name.n > 0 && (name.p[0] == '"' || name.p[0] == '\'' ||
				      name.p[0] == ' '))
			name = span_skip(name, 1);
		size_t n = 0;
		while (n < name.n && name.p[n] > ' ' &&
		       memchr("\"'>;/", name.p[n], 5) == NULL)
			n++;
		(void)span_copy(span_head(name, n), charset, MIME_CHARSET_SIZE);
		return;
	}
}

int
mime_html_strip(struct span html, struct buf *out, struct err *e)
{
	if (strip_tags(html, out) != 0)
		return err_set(e, ERR_LIMIT, 0, "HTML text too long");
	return 0;
}

/* Never an empty screen: a program that gave up is named, and so is HTML that
 * holds nothing but pictures. */
int
mime_html_text(struct span html, unsigned width, struct buf *out, struct err *e)
{
	size_t start = out->n;
	int got = mime_w3m_text(html, width, out);
	struct buf text;
	int rc = -1;

	if (got == 0 && !mime_charset_is_blank(span_skip(buf_span(out), start)))
		return 0;
	out->n = start;
	buf_init(&text, MIME_TEXT_MAX);
	if (mime_html_strip(html, &text, e) != 0)
		goto out;
	bool blank = mime_charset_is_blank(buf_span(&text));
	if ((got > 0 &&
	     buf_add_str(
		 out, "[w3m gave up on this HTML; its text alone:]\n") != 0) ||
	    (blank && !mime_charset_is_blank(html) &&
	     buf_add_str(out, "[this HTML holds no text]\n") != 0) ||
	    (!blank && buf_add_span(out, buf_span(&text)) != 0)) {
		(void)err_set(e, ERR_LIMIT, 0, "HTML text too long");
		goto out;
	}
	rc = 0;
out:
	buf_free(&text);
	return rc;
}
