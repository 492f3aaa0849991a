/*
 * SMTP smuggling (2023) lived on servers that took some other byte sequence
 * than CRLF.CRLF for the end of a message while their neighbour did not.  The
 * decoder therefore knows five states, and every byte that is no CRLF line end
 * and no text is an error in all of them.  The lenient decoder (POP3 client:
 * the bytes are already in somebody's mailbox) keeps such bytes as content; it
 * still ends at CRLF.CRLF only.
 */
#include "mail/dot.h"

enum decoder_state {
	LINE_START = 0,
	TEXT,   /* inside a line */
	CR,     /* a CR was read, not yet written */
	DOT,    /* a dot at the start of a line, not written */
	DOT_CR, /* the same, then a CR */
};

enum encoder_state {
	AT_START = 0,
	IN_LINE,
	AFTER_CR, /* CRLF was written for a CR: a LF now belongs to it */
};

/* Append; whatever the reason, "no" means: take what there is, call again. */
static bool
add(struct buf *out, const char *p, size_t n)
{
	return buf_add(out, p, n) == 0;
}

static size_t
text_run(struct span in)
{
	size_t i = 0;

	while (i < in.n && in.p[i] != '\r' && in.p[i] != '\n' &&
	       in.p[i] != '\0')
		i++;
	return i;
}

/* Text up to the next CR, LF or NUL, as much as there is room for. */
static enum dot_result
take_run(struct dot_decoder *d, struct span in, size_t *i, struct buf *out)
{
	size_t n = text_run(span_skip(in, *i));
	size_t room = out->max - out->n;
	size_t part = n < room ? n : room;

	if (!add(out, in.p + *i, part))
		return DOT_FULL;
	*i += part;
	if (part > 0)
		d->state = TEXT;
	return part < n ? DOT_FULL : DOT_MORE;
}

/* The byte at in.p[*i] in state LINE_START, TEXT or DOT. */
static enum dot_result
step_text(struct dot_decoder *d, struct span in, size_t *i, struct buf *out)
{
	char c = in.p[*i];

	if (c == '.' && d->state == LINE_START && !d->no_dots) {
		d->state = DOT;
	} else if (c == '\r') {
		d->state = d->state == DOT ? DOT_CR : CR;
	} else if (c == '\n' || c == '\0') {
		if (!d->lenient)
			return c == '\n' ? DOT_BARE_LF : DOT_NUL;
		if (!add(out, &c, 1))
			return DOT_FULL;
		d->state = TEXT;
	} else {
		return take_run(d, in, i, out);
	}
	(*i)++;
	return DOT_MORE;
}

/* The byte after a CR: state CR or DOT_CR. */
static enum dot_result
step_cr(struct dot_decoder *d, struct span in, size_t *i, struct buf *out)
{
	if (in.p[*i] == '\n') {
		if (d->state == DOT_CR) {
			d->state = LINE_START;
			(*i)++;
			return DOT_END;
		}
		if (!add(out, "\r\n", 2))
			return DOT_FULL;
		d->state = LINE_START;
		(*i)++;
		return DOT_MORE;
	}
	if (!d->lenient)
		return DOT_BARE_CR;
	if (!add(out, "\r", 1))
		return DOT_FULL;
	d->state = TEXT; /* and this byte is looked at again */
	return DOT_MORE;
}

enum dot_result
dot_decode(struct dot_decoder *d, struct span in, size_t *used, struct buf *out)
{
	enum dot_result r = DOT_MORE;
	size_t i = 0;

	while (r == DOT_MORE && i < in.n) {
		if (d->state == CR || d->state == DOT_CR)
			r = step_cr(d, in, &i, out);
		else
			r = step_text(d, in, &i, out);
	}
	*used = i;
	return r;
}

enum dot_result
dot_decode_last(struct dot_decoder *d, struct buf *out)
{
	if (d->state == CR)
		return DOT_BARE_CR;
	if (d->state == TEXT && !add(out, "\r\n", 2))
		return DOT_FULL;
	d->state = LINE_START;
	return DOT_END;
}

/* Bytes that go out as they are: no line end, and no dot at a line start. */
static size_t
plain_run(struct span in)
{
	size_t i = 0;

	while (i < in.n && in.p[i] != '\r' && in.p[i] != '\n')
		i++;
	return i;
}

static int
encode_step(struct dot_encoder *d, struct span in, size_t *i, struct buf *out)
{
	char c = in.p[*i];

	if (c == '\n' && d->state == AFTER_CR) {
		d->state = AT_START;
		(*i)++;
		return 0;
	}
	if (c == '\r' || c == '\n') {
		d->state = c == '\r' ? AFTER_CR : AT_START;
		(*i)++;
		return buf_add(out, "\r\n", 2);
	}
	if (c == '.' && d->state != IN_LINE && !d->no_dots &&
	    buf_add(out, ".", 1) != 0)
		return -1;
	size_t n = plain_run(span_skip(in, *i));
	if (buf_add(out, in.p + *i, n) != 0)
		return -1;
	d->state = IN_LINE;
	*i += n;
	return 0;
}

int
dot_encode(struct dot_encoder *d, struct span in, struct buf *out)
{
	struct dot_encoder before = *d;
	size_t n = out->n, i = 0;

	while (i < in.n) {
		if (encode_step(d, in, &i, out) != 0) {
			out->n = n;
			*d = before;
			return -1;
		}
	}
	return 0;
}

int
dot_encode_end(struct dot_encoder *d, struct buf *out)
{
	int rc = d->state == IN_LINE ? buf_add(out, "\r\n", 2) : 0;

	if (rc == 0 && !d->no_dots)
		rc = buf_add(out, ".\r\n", 3);
	if (rc == 0)
		d->state = AT_START;
	return rc;
}
