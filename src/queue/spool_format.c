#include "queue/spool_format.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32.h"

static const char *const state_names[] = { "deferred", "delivered", "failed" };
static const char delayed[] = "delayed"; /* deferred, and the sender knows */

/* ---- writing ------------------------------------------------------------
 */

/* The checksum covers the first line before itself, and the envelope. */
static uint32_t
head_crc(struct span first, struct span envelope)
{
	uint32_t crc = crc32_add(0, first.p, SPOOL_FIRST_SIZE - 9);

	return crc32_add(crc, envelope.p, envelope.n);
}

void
spool_format_first(char line[SPOOL_FIRST_SIZE + 1], struct span envelope,
		   int64_t message_bytes, uint32_t message_crc)
{
	(void)snprintf(line, SPOOL_FIRST_SIZE + 1,
		       "postpair-spool 1 %08u %012lld %08x ",
		       (unsigned)envelope.n, (long long)message_bytes,
		       (unsigned)message_crc);
	uint32_t crc =
	    head_crc(span_make(line, SPOOL_FIRST_SIZE - 9), envelope);
	(void)snprintf(line + SPOOL_FIRST_SIZE - 9, 10, "%08x\n",
		       (unsigned)crc);
}

int
spool_format_record(const struct spool_result *r, struct buf *out)
{
	char text[SPOOL_RECORD_MAX];
	struct span reply = span_head(span_of(r->reply), SPOOL_REPLY_MAX);

	int n = snprintf(
	    text, sizeof(text), "result %u %s %lld %.*s", r->recipient,
	    r->state == SPOOL_WAITING && r->warned ? delayed
						   : state_names[r->state],
	    (long long)r->wall_s, (int)reply.n, reply.n == 0 ? "" : reply.p);
	if (n < 0 || (size_t)n >= sizeof(text)) {
		errno = EMSGSIZE;
		return -1;
	}
	for (int i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c < 0x20 || c == 0x7f)
			text[i] = '?';
	}
	return buf_addf(out, "%08x %s\n",
			(unsigned)crc32_add(0, text, (size_t)n), text);
}

int
spool_format_hold(bool hold, int64_t wall_s, struct buf *out)
{
	char text[64];

	int n = snprintf(text, sizeof(text), "%s %lld",
			 hold ? "hold" : "release", (long long)wall_s);
	return buf_addf(out, "%08x %s\n",
			(unsigned)crc32_add(0, text, (size_t)n), text);
}

/* ---- reading ------------------------------------------------------------
 */

static int
hex32(struct span s, uint32_t *value)
{
	uint32_t v = 0;

	if (s.n != 8)
		return -1;
	for (size_t i = 0; i < 8; i++) {
		char c = s.p[i];
		if (span_is_digit(c))
			v = v << 4 | (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v << 4 | (uint32_t)(c - 'a' + 10);
		else
			return -1;
	}
	*value = v;
	return 0;
}

int
spool_parse_first(struct span line, struct spool_first *f, struct err *e)
{
	static const char magic[] = "postpair-spool 1 ";
	uint64_t envelope, message;

	if (line.n != SPOOL_FIRST_SIZE || line.p[line.n - 1] != '\n' ||
	    memcmp(line.p, magic, sizeof(magic) - 1) != 0)
		return err_set(e, ERR_PERM, 0, "not a spool file of version 1");
	if (line.p[25] != ' ' || line.p[38] != ' ' || line.p[47] != ' ' ||
	    span_u64(span_make(line.p + 17, 8), &envelope) != 0 ||
	    span_u64(span_make(line.p + 26, 12), &message) != 0 ||
	    hex32(span_make(line.p + 39, 8), &f->message_crc) != 0 ||
	    hex32(span_make(line.p + 48, 8), &f->head_crc) != 0)
		return err_set(e, ERR_PERM, 0, "malformed first line");
	if (envelope == 0 || envelope > SPOOL_ENVELOPE_MAX)
		return err_set(e, ERR_PERM, 0, "envelope of %llu bytes",
			       (unsigned long long)envelope);
	f->envelope_bytes = (uint32_t)envelope;
	f->message_bytes = (int64_t)message; /* 12 digits: always fits */
	return 0;
}

bool
spool_take_line(struct span *text, struct span *line)
{
	long lf = span_find(*text, '\n', 0);

	if (lf < 0)
		return false;
	*line = span_head(*text, (size_t)lf);
	*text = span_skip(*text, (size_t)lf + 1);
	return true;
}

int
spool_parse_head(struct span line, struct span envelope, struct spool_msg **out,
		 struct err *e)
{
	struct spool_first f;
	struct spool_msg *m = NULL;

	if (spool_parse_first(line, &f, e) != 0)
		return -1;
	if (envelope.n != f.envelope_bytes ||
	    head_crc(line, envelope) != f.head_crc)
		return err_set(e, ERR_PERM, 0, "envelope checksum differs");
	if (spool_parse_envelope(envelope, &m, e) != 0)
		return -1;
	m->size = f.message_bytes;
	m->message_crc = f.message_crc;
	m->message_at = (int64_t)(SPOOL_FIRST_SIZE + envelope.n);
	*out = m;
	return 0;
}

static int
apply(struct span text, struct spool_msg *m)
{
	uint64_t index, wall_s;

	struct span verb = span_word(&text);
	bool hold = span_eq(verb, span_of("hold"));
	if (hold || span_eq(verb, span_of("release"))) {
		if (span_u64(span_word(&text), &wall_s) != 0 || text.n != 0 ||
		    wall_s > INT64_MAX / 2000)
			return -1;
		m->held = hold;
		if (!hold && m->release_s > (int64_t)wall_s)
			m->release_s = (int64_t)wall_s;
		return 0;
	}
	if (!span_eq(verb, span_of("result")) ||
	    span_u64(span_word(&text), &index) != 0 || index >= m->n_recipients)
		return -1;
	struct spool_rcpt *to = &m->recipients[index];
	struct span word = span_word(&text);
	bool warned = span_eq(word, span_of(delayed));
	if (warned)
		word = span_of(state_names[SPOOL_WAITING]);
	for (unsigned i = 0; i < 3; i++) {
		if (!span_eq(word, span_of(state_names[i])))
			continue;
		if (span_u64(span_word(&text), &wall_s) != 0 ||
		    wall_s > INT64_MAX / 2000)
			return -1;
		if (to->state == SPOOL_WAITING) /* final stays final */
			to->state = (enum spool_state)i;
		to->warned = to->warned || warned;
		spool_msg_note(to, span_trim(text), (int64_t)wall_s);
		return 0;
	}
	return -1;
}

int
spool_parse_record(struct span *text, struct spool_msg *m)
{
	struct span rest = *text, line;
	uint32_t crc;

	if (rest.n == 0)
		return 0;
	if (!spool_take_line(&rest, &line) || line.n < 10 ||
	    line.n > SPOOL_RECORD_MAX + 9 || line.p[8] != ' ' ||
	    hex32(span_head(line, 8), &crc) != 0)
		return -1;
	struct span body = span_skip(line, 9);
	if (crc32_add(0, body.p, body.n) != crc || apply(body, m) != 0)
		return -1;
	*text = rest;
	return 1;
}
