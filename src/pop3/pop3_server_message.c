#include <errno.h>
#include <unistd.h>

#include "base/log.h"
#include "mail/dot.h"
#include "mail/downgrade.h"
#include "pop3/pop3_server_private.h"

enum { READ_BYTES = DOWNGRADE_PIECE_MAX, OUT_BYTES = 4 * READ_BYTES };

/* How much of a message is wanted: all, or the header and some lines. */
struct part {
	bool all;
	bool in_body;
	uint64_t lines;    /* of the body, still to come */
	size_t line_bytes; /* in this line, without CR */
};

/* How many of these bytes belong to the part; fewer than given: its end. */
static size_t
part_take(struct part *p, struct span in)
{
	if (p->all)
		return in.n;
	for (size_t i = 0; i < in.n; i++) {
		if (p->in_body && p->lines == 0)
			return i;
		if (in.p[i] != '\n') {
			p->line_bytes += in.p[i] != '\r';
			continue;
		}
		if (p->in_body)
			p->lines--;
		else if (p->line_bytes == 0)
			p->in_body = true;
		p->line_bytes = 0;
	}
	return in.n;
}

static ssize_t
read_at(int fd, char *buf, off_t at)
{
	ssize_t n;

	do {
		n = pread(fd, buf, READ_BYTES, at);
	} while (n < 0 && errno == EINTR);
	return n;
}

/* A message on its way: file, perhaps downgraded, part of it, dots doubled. */
struct sending {
	struct pop3_session *s;
	struct part *part;
	bool over; /* the part has ended */
	struct dot_encoder dots;
	struct buf out;
};

/* The text that came of one reading; last: there is no more. */
static int
send_piece(struct sending *g, struct span in, bool last)
{
	while (!g->over && (in.n > 0 || last)) {
		struct span piece = span_head(in, READ_BYTES);
		size_t n = part_take(g->part, piece);
		in = span_skip(in, piece.n);
		g->over = n < piece.n || (last && in.n == 0);
		if (dot_encode(&g->dots, span_head(piece, n), &g->out) != 0 ||
		    (g->over && dot_encode_end(&g->dots, &g->out) != 0) ||
		    stream_write(g->s->stream, g->out.p, g->out.n,
				 pop3_server_deadline(g->s), NULL) != 0)
			return -1;
		buf_clear(&g->out);
	}
	return 0;
}

/*
 * The octets after +OK.  A read that fails half way cannot be told to the
 * client in any other way than by ending the connection: a part of a message
 * must never look like all of it.
 */
static int
send_text(struct pop3_session *s, const struct pop3_text *text, struct part *p)
{
	struct sending g = { .s = s, .part = p };
	struct downgrade down;
	char piece[READ_BYTES];
	struct buf made;
	ssize_t got = 1;
	off_t at = 0;
	int rc = 0;

	buf_init(&g.out, OUT_BYTES);
	buf_init(&made, DOWNGRADE_OUT_MAX);
	downgrade_init(&down);
	while (rc == 0 && !g.over) {
		got = read_at(text->fd, piece, at);
		struct span in = span_make(piece, got > 0 ? (size_t)got : 0);
		if (got < 0) {
			log_event(LOG_ERROR, "pop3-read-failed", "session",
				  s->client->session);
			rc = -1;
			break;
		}
		buf_clear(&made);
		if (text->downgrade) {
			rc = got > 0 ? downgrade_add(&down, in, &made)
				     : downgrade_end(&down, &made);
			in = buf_span(&made);
		}
		if (rc == 0)
			rc = send_piece(&g, in, got == 0);
		at += got;
	}
	downgrade_clear(&down);
	buf_free(&made);
	buf_free(&g.out);
	return rc;
}

static int
send_message(struct pop3_session *s, uint32_t i, struct part *p)
{
	const struct pop3_mailbox_ops *ops = &s->server->ops;
	struct pop3_text text = { .fd = -1 };
	struct err e = { 0 };
	bool sent = false;
	int rc;

	uint64_t listed = ops->octets(s->mailbox, i);
	if (ops->read(s->mailbox, i, &text, &e) != 0)
		return pop3_server_fail(s, "SYS/TEMP",
					e.sys == ENOENT
					    ? "somebody removed this message"
					    : "the message cannot be read now");
	/* its name may have lied (RFC 1939 11) */
	s->left_octets += ops->octets(s->mailbox, i) - listed;
	if (p->all)
		rc = pop3_server_ok(
		    s, "%llu octets",
		    (unsigned long long)ops->octets(s->mailbox, i));
	else
		rc = pop3_server_ok(s, "top of message follows");
	if (rc == 0)
		sent = (rc = send_text(s, &text, p)) == 0;
	if (p->all && sent) {
		s->mark[i] |= POP3_MARK_READ;
		s->retrieved++;
	}
	(void)close(text.fd);
	return rc;
}

int
pop3_server_retr(struct pop3_session *s, struct span args)
{
	struct part p = { .all = true };
	uint32_t i;
	int rc;

	if (pop3_server_number(s, span_trim(args), &i, &rc) != 0)
		return rc;
	return send_message(s, i, &p);
}

int
pop3_server_top(struct pop3_session *s, struct span args)
{
	struct part p = { .all = false };
	uint32_t i;
	int rc;

	struct span number = span_word(&args);
	if (span_u64(span_trim(args), &p.lines) != 0)
		return pop3_server_error(s, "TOP message lines");
	if (pop3_server_number(s, number, &i, &rc) != 0)
		return rc;
	return send_message(s, i, &p);
}
