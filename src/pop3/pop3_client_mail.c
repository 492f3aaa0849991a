#include "pop3/pop3_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "mail/dot.h"
#include "pop3/pop3_client_private.h"

/*
 * Lock-step by default; LIST+UIDL and runs of TOP are pipelined where the
 * server says PIPELINING (RFC 2449 6.6).  What is sent ahead is small enough to
 * fit any socket buffer (TOPS_AHEAD short lines), so that neither side can wait
 * for the other with both its buffers full.
 *
 * Every read is bounded three ways: a line by its RFC length, a listing by the
 * caller's number of messages, a message by DATA_MAX; and all by a deadline.
 */
enum { TOPS_AHEAD = 32, DATA_PIECE = 32 * 1024 };
static const uint64_t DATA_MAX = UINT64_C(1) << 32;

/* ---- what is there ---------------------------------------------------------
 */

/* Two decimals at the start of *text. */
static int
two_numbers(struct span *text, uint64_t *a, uint64_t *b)
{
	return span_u64(span_word(text), a) == 0 &&
		       span_u64(span_word(text), b) == 0
		   ? 0
		   : -1;
}

int
pop3_client_stat(struct pop3_client *c, uint32_t *count, uint64_t *bytes,
		 struct pop3_reply *r, struct err *e)
{
	uint64_t n, size;

	*count = 0;
	*bytes = 0;
	if (pop3_client_ask(c, "STAT", NULL, r, e) != 0)
		return -1;
	if (!r->ok)
		return 0;
	struct span text = span_of(r->text);
	if (two_numbers(&text, &n, &size) != 0 || n > UINT32_MAX)
		return err_set(e, ERR_PROTO, 0, "bad answer to STAT: '%s'",
			       r->text);
	*count = (uint32_t)n;
	*bytes = size;
	return 0;
}

struct listing {
	struct pop3_item *items;
	uint32_t n, cap, max;
};

static int
take_scan(void *ctx, struct span line, struct err *e)
{
	struct listing *l = ctx;
	struct span text = line;
	uint64_t number, size;

	if (two_numbers(&text, &number, &size) != 0 || number == 0 ||
	    number > UINT32_MAX)
		return err_set(e, ERR_PROTO, 0, "bad line in LIST: '%.*s'",
			       SPAN_ARG(line));
	if (l->n == l->cap) {
		uint32_t cap = l->cap == 0 ? 64 : l->cap;
		if (l->cap > 0)
			cap = cap > l->max / 2 ? l->max : cap * 2;
		struct pop3_item *p =
		    realloc(l->items, (size_t)cap * sizeof(*p));
		if (p == NULL)
			return err_set(e, ERR_TEMP, ENOMEM, "message list");
		l->items = p;
		l->cap = cap;
	}
	struct pop3_item *item = &l->items[l->n++];
	*item = (struct pop3_item){ .number = (uint32_t)number, .bytes = size };
	return 0;
}

static int
by_number(const void *a, const void *b)
{
	uint32_t x = ((const struct pop3_item *)a)->number;
	uint32_t y = ((const struct pop3_item *)b)->number;

	return (x > y) - (x < y);
}

static int
take_uidl(void *ctx, struct span line, struct err *e)
{
	struct listing *l = ctx;
	struct span text = line;
	struct span digits = span_word(&text), id = span_word(&text);
	struct pop3_item key = { 0 };
	uint64_t number;

	bool good = span_u64(digits, &number) == 0 && number <= UINT32_MAX &&
		    id.n > 0 && id.n < POP3_UIDL_SIZE;
	for (size_t i = 0; good && i < id.n; i++)
		good = id.p[i] > 0x20 && id.p[i] < 0x7f; /* RFC 1939 7 */
	if (!good)
		return err_set(e, ERR_PROTO, 0, "bad line in UIDL: '%.*s'",
			       SPAN_ARG(line));
	key.number = (uint32_t)number;
	struct pop3_item *item =
	    l->n == 0 ? NULL
		      : bsearch(&key, l->items, l->n, sizeof(key), by_number);
	if (item != NULL)
		(void)span_copy(id, item->uidl, sizeof(item->uidl));
	return 0;
}

static int
sort_listing(struct listing *l, struct err *e)
{
	if (l->n > 1)
		qsort(l->items, l->n, sizeof(*l->items), by_number);
	for (uint32_t i = 1; i < l->n; i++)
		if (l->items[i].number == l->items[i - 1].number)
			return err_set(e, ERR_PROTO, 0,
				       "message %u listed twice",
				       (unsigned)l->items[i].number);
	return 0;
}

int
pop3_client_list(struct pop3_client *c, uint32_t max, struct pop3_item **items,
		 uint32_t *n, struct pop3_reply *r, struct err *e)
{
	struct listing l = { .max = max < 64 ? 64 : max };
	bool uidl = !c->caps_known || (c->caps & POP3_CAP_UIDL) != 0;
	bool ahead = uidl && (c->caps & POP3_CAP_PIPELINING) != 0;
	struct pop3_reply ur;
	int rc = -1;

	*items = NULL;
	*n = 0;
	if (pop3_client_put(c, "LIST", NULL, e) != 0 ||
	    (ahead && pop3_client_put(c, "UIDL", NULL, e) != 0) ||
	    pop3_client_flush(c, e) != 0 || pop3_client_reply(c, r, e) != 0)
		goto out;
	if (r->ok && (pop3_client_listing(c, max, take_scan, &l, e) != 0 ||
		      sort_listing(&l, e) != 0))
		goto out;
	if (!r->ok)
		uidl = ahead; /* only to read the answer */
	if (uidl) {
		if (!ahead && (pop3_client_put(c, "UIDL", NULL, e) != 0 ||
			       pop3_client_flush(c, e) != 0))
			goto out;
		if (pop3_client_reply(c, &ur, e) != 0 ||
		    (ur.ok &&
		     pop3_client_listing(c, max, take_uidl, &l, e) != 0))
			goto out;
	}
	*items = l.items;
	*n = l.n;
	l.items = NULL;
	rc = 0;
out:
	free(l.items);
	return rc;
}

/* ---- messages --------------------------------------------------------------
 */

/* A message up to its end, in pieces to write(). */
static int
get_data(struct pop3_client *c,
	 int (*write)(void *ctx, struct span bytes, struct err *e), void *ctx,
	 struct err *e)
{
	/* lenient: a bare CR, LF or NUL in stored mail is its content */
	struct dot_decoder d = { .lenient = true };
	int64_t until = pop3_client_deadline(c->data_timeout_ms);
	enum dot_result result = DOT_MORE;
	uint64_t total = 0;
	struct buf piece;
	int rc = -1;

	buf_init(&piece, DATA_PIECE);
	while (result != DOT_END) {
		struct span have;
		size_t used = 0;
		if (stream_fill(c->s, until, &have, e) != 0)
			goto out;
		result = dot_decode(&d, have, &used, &piece);
		stream_consume(c->s, used);
		if (result == DOT_FULL && used == 0 && piece.n == 0) {
			(void)err_set(e, ERR_TEMP, ENOMEM, "message");
			goto out;
		}
		total += piece.n;
		if (total > DATA_MAX) {
			(void)err_set(e, ERR_LIMIT, 0, "message without end");
			goto out;
		}
		if (piece.n > 0 && write(ctx, buf_span(&piece), e) != 0)
			goto out;
		buf_clear(&piece);
	}
	rc = 0;
out:
	buf_free(&piece);
	return rc;
}

int
pop3_client_retr(struct pop3_client *c, uint32_t n,
		 int (*write)(void *ctx, struct span bytes, struct err *e),
		 void *ctx, struct pop3_reply *r, struct err *e)
{
	if (pop3_client_command(c, r, e, "RETR %u", (unsigned)n) != 0)
		return -1;
	return r->ok ? get_data(c, write, ctx, e) : 0;
}

static int
write_buf(void *ctx, struct span bytes, struct err *e)
{
	if (buf_add_span(ctx, bytes) != 0)
		return err_set(e, errno == ENOMEM ? ERR_TEMP : ERR_LIMIT, 0,
			       "message header too long");
	return 0;
}

int
pop3_client_top(struct pop3_client *c, uint32_t n, uint32_t lines,
		struct buf *out, struct pop3_reply *r, struct err *e)
{
	if (pop3_client_command(c, r, e, "TOP %u %u", (unsigned)n,
				(unsigned)lines) != 0)
		return -1;
	return r->ok ? get_data(c, write_buf, out, e) : 0;
}

/* Keeps what fits: one message with an endless header must not end the
 * listing of all the others. */
static int
write_head(void *ctx, struct span bytes, struct err *e)
{
	struct buf *head = ctx;

	errno = 0;
	if (buf_add_span(head, span_head(bytes, head->max - head->n)) != 0)
		return err_set(e, ERR_TEMP, errno, "message header");
	return 0;
}

static int
put_top(struct pop3_client *c, uint32_t number, struct err *e)
{
	bool top = !c->caps_known || (c->caps & POP3_CAP_TOP) != 0;
	char line[32];

	/* Without TOP (it is optional, RFC 1939 7) the message is read and
	 * its header kept. */
	(void)snprintf(line, sizeof(line), top ? "TOP %u 0" : "RETR %u",
		       (unsigned)number);
	return pop3_client_put(c, line, NULL, e);
}

int
pop3_client_tops(struct pop3_client *c, const uint32_t *numbers, uint32_t n,
		 int (*got)(void *ctx, uint32_t number, struct span header),
		 void *ctx, struct err *e)
{
	uint32_t ahead = (c->caps & POP3_CAP_PIPELINING) != 0 ? TOPS_AHEAD : 1;
	uint32_t sent = 0;
	struct buf head;
	int rc = -1;

	buf_init(&head, POP3_HEADER_MAX);
	for (uint32_t i = 0; i < n; i++) {
		struct pop3_reply r;
		/* refill when the window is empty: one write for many */
		if (sent == i) {
			while (sent < n && sent - i < ahead)
				if (put_top(c, numbers[sent++], e) != 0)
					goto out;
			if (pop3_client_flush(c, e) != 0)
				goto out;
		}
		buf_clear(&head);
		if (pop3_client_reply(c, &r, e) != 0 ||
		    (r.ok && get_data(c, write_head, &head, e) != 0))
			goto out;
		if (got(ctx, numbers[i], buf_span(&head)) != 0) {
			(void)err_set(e, ERR_TEMP, errno,
				      "cannot keep a message header");
			goto out;
		}
	}
	rc = 0;
out:
	buf_free(&head);
	return rc;
}
