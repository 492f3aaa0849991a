#include <errno.h>
#include <unistd.h>

#include "base/log.h"
#include "mail/dot.h"
#include "mail/header.h"
#include "pop3/pop3_server_private.h"

enum { READ_BYTES = 4096, OUT_BYTES = 4 * READ_BYTES };

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

/* Is a byte over 127 the next of a UTF-8 sequence?  *left: bytes it still has.
 */
static bool
utf8_step(unsigned char c, int *left)
{
	if (*left > 0) {
		(*left)--;
		return (c & 0xc0) == 0x80;
	}
	*left = c < 0x80                ? 0
		: c >= 0xc2 && c < 0xe0 ? 1
		: c >= 0xe0 && c < 0xf0 ? 2
		: c >= 0xf0 && c < 0xf5 ? 3
					: -1;
	return *left >= 0;
}

/*
 * Does the header hold UTF-8 (RFC 6532)?  Then a client that did not say UTF8
 * must not get it (RFC 6856 5), and we do not rewrite mail.  Bytes over 127
 * that are not UTF-8 are an old client's own charset: that client's mail goes
 * through as ever.
 */
static bool
header_is_utf8(int fd)
{
	struct part p = { .lines = 0 };
	char buf[READ_BYTES];
	bool high = false;
	int left = 0;
	off_t at = 0;

	while (at < HEADER_BLOCK_MAX) {
		ssize_t got = read_at(fd, buf, at);
		if (got <= 0)
			break;
		size_t n = part_take(&p, span_make(buf, (size_t)got));
		for (size_t i = 0; i < n; i++) {
			unsigned char c = (unsigned char)buf[i];
			if (!utf8_step(c, &left))
				return false;
			high = high || c >= 0x80;
		}
		if (n < (size_t)got)
			break;
		at += got;
	}
	return high && left == 0;
}

/*
 * The octets after +OK.  A read that fails half way cannot be told to the
 * client in any other way than by ending the connection: a part of a message
 * must never look like all of it.
 */
static int
send_file(struct pop3_session *s, int fd, struct part *p)
{
	struct dot_encoder dots = { 0 };
	char buf[READ_BYTES];
	struct buf out;
	bool more = true;
	off_t at = 0;
	int rc = -1;

	buf_init(&out, OUT_BYTES);
	while (more) {
		ssize_t got = read_at(fd, buf, at);
		if (got < 0) {
			log_event(LOG_ERROR, "pop3-read-failed", "session",
				  s->client->session);
			goto out;
		}
		size_t n = part_take(p, span_make(buf, (size_t)got));
		more = got > 0 && n == (size_t)got;
		if (dot_encode(&dots, span_make(buf, n), &out) != 0 ||
		    (!more && dot_encode_end(&dots, &out) != 0) ||
		    stream_write(s->stream, out.p, out.n,
				 pop3_server_deadline(s), NULL) != 0)
			goto out;
		buf_clear(&out);
		at += got;
	}
	rc = 0;
out:
	buf_free(&out);
	return rc;
}

static int
send_message(struct pop3_session *s, uint32_t i, struct part *p)
{
	const struct pop3_mailbox_ops *ops = &s->server->ops;
	struct err e = { 0 };
	bool sent = false;
	int rc;

	int fd = ops->read(s->mailbox, i, &e);
	if (fd < 0)
		return pop3_server_fail(s, "SYS/TEMP",
					e.sys == ENOENT
					    ? "somebody removed this message"
					    : "the message cannot be read now");
	if (!s->utf8 && header_is_utf8(fd))
		rc = pop3_server_fail(s, "UTF8",
				      "its header is UTF-8: say UTF8 first");
	else if (p->all ? pop3_server_ok(s, "%llu octets",
					 (unsigned long long)ops->octets(
					     s->mailbox, i)) != 0
			: pop3_server_ok(s, "top of message follows") != 0)
		rc = -1;
	else
		sent = (rc = send_file(s, fd, p)) == 0;
	if (p->all && sent) {
		s->mark[i] |= POP3_MARK_READ;
		s->retrieved++;
	}
	(void)close(fd);
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
