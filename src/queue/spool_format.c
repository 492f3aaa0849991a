#include "queue/spool_format.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32.h"

static const char *const state_names[] = { "deferred", "delivered", "failed" };

/* ---- writing ------------------------------------------------------------
 */

int
spool_format_envelope(const struct spool_envelope *env, bool eight_bit,
		      struct buf *out)
{
	int rc =
	    buf_addf(out,
		     "id %s\narrival %lld\nfrom %s\nbody %s\n"
		     "smtputf8 %s\n",
		     env->id, (long long)env->arrival_s, env->reverse_path,
		     eight_bit ? "8bit" : "7bit", env->smtputf8 ? "yes" : "no");

	for (unsigned i = 0; i < env->n_to && rc == 0; i++)
		rc = buf_addf(out, "to %s %s\n", env->to[i].address,
			      env->to[i].domain);
	return rc != 0 ? -1 : buf_add_char(out, '\n');
}

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

	int n =
	    snprintf(text, sizeof(text), "result %u %s %lld %.*s", r->recipient,
		     state_names[r->state], (long long)r->wall_s, (int)reply.n,
		     reply.n == 0 ? "" : reply.p);
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

static bool
take_line(struct span *text, struct span *line)
{
	long lf = span_find(*text, '\n', 0);

	if (lf < 0)
		return false;
	*line = span_head(*text, (size_t)lf);
	*text = span_skip(*text, (size_t)lf + 1);
	return true;
}

/* "name value" with exactly this name; value may be empty. */
static bool
take_field(struct span *text, const char *name, struct span *value)
{
	struct span line;
	size_t n = strlen(name);

	if (!take_line(text, &line) || line.n < n + 1 ||
	    memcmp(line.p, name, n) != 0 || line.p[n] != ' ')
		return false;
	*value = span_skip(line, n + 1);
	return true;
}

/* The parts of an envelope, borrowed from its text. */
struct parts {
	struct span id, arrival, from, body, smtputf8;
	struct span to; /* all "to" lines */
	unsigned n_to;
	size_t to_bytes;
};

static bool
split_to(struct span value, struct span *address, struct span *domain)
{
	size_t at = value.n; /* a quoted local part may hold spaces */

	while (at > 0 && value.p[at - 1] != ' ')
		at--;
	if (at < 2 || at == value.n)
		return false;
	*address = span_head(value, at - 1);
	*domain = span_skip(value, at);
	return true;
}

static int
split_envelope(struct span text, struct parts *p, struct err *e)
{
	struct span value, address, domain;

	if (memchr(text.p, '\0', text.n) != NULL)
		return err_set(e, ERR_PERM, 0, "NUL in the envelope");
	if (!take_field(&text, "id", &p->id) ||
	    !take_field(&text, "arrival", &p->arrival) ||
	    !take_field(&text, "from", &p->from) ||
	    !take_field(&text, "body", &p->body) ||
	    !take_field(&text, "smtputf8", &p->smtputf8))
		return err_set(e, ERR_PERM, 0, "malformed envelope");
	p->to = text;
	while (text.n > 1) {
		if (!take_field(&text, "to", &value) ||
		    !split_to(value, &address, &domain))
			return err_set(e, ERR_PERM, 0, "malformed recipient");
		p->n_to++;
		p->to_bytes += address.n + domain.n + 2;
	}
	if (text.n != 1 || text.p[0] != '\n' || p->n_to == 0 ||
	    p->n_to > SPOOL_RECIPIENTS_MAX)
		return err_set(e, ERR_PERM, 0, "malformed envelope end");
	return 0;
}

/* Copy s to *at as a C string and step on. */
static const char *
place(char **at, struct span s)
{
	char *p = *at;

	memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	*at += s.n + 1;
	return p;
}

/* One block: the struct, the recipients, the strings. */
static struct spool_msg *
alloc_msg(unsigned n_to, size_t strings, char **at)
{
	size_t rcpt_bytes = n_to * sizeof(struct spool_rcpt);

	struct spool_msg *m = calloc(1, sizeof(*m) + rcpt_bytes + strings);
	if (m == NULL)
		return NULL;
	m->recipients = (struct spool_rcpt *)(void *)(m + 1);
	m->n_recipients = n_to;
	*at = (char *)(m->recipients + n_to);
	return m;
}

void
spool_msg_free(struct spool_msg **out)
{
	struct spool_msg *m = *out;

	if (m == NULL)
		return;
	for (unsigned i = 0; i < m->n_recipients; i++)
		free(m->recipients[i].reply);
	free(m);
	*out = NULL;
}

int
spool_msg_new(struct spool_msg **out, const struct spool_envelope *env,
	      struct err *e)
{
	size_t strings = strlen(env->reverse_path) + 1;
	char *at;

	for (unsigned i = 0; i < env->n_to; i++)
		strings +=
		    strlen(env->to[i].address) + strlen(env->to[i].domain) + 2;
	struct spool_msg *m = alloc_msg(env->n_to, strings, &at);
	if (m == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "queue");
	if (span_copy(span_of(env->id), m->id, sizeof(m->id)) != 0) {
		free(m);
		return err_set(e, ERR_BUG, 0, "queue id too long");
	}
	m->arrival_s = env->arrival_s;
	m->smtputf8 = env->smtputf8;
	m->reverse_path = place(&at, span_of(env->reverse_path));
	for (unsigned i = 0; i < env->n_to; i++) {
		m->recipients[i].address =
		    place(&at, span_of(env->to[i].address));
		m->recipients[i].domain =
		    place(&at, span_of(env->to[i].domain));
	}
	*out = m;
	return 0;
}

static int
fill_msg(struct spool_msg *m, const struct parts *p, char *at, struct err *e)
{
	uint64_t arrival;
	struct span to = p->to, value, address, domain;

	if (span_copy(p->id, m->id, sizeof(m->id)) != 0 ||
	    span_u64(p->arrival, &arrival) != 0 || arrival > INT64_MAX / 2000)
		return err_set(e, ERR_PERM, 0, "malformed id or arrival");
	m->arrival_s = (int64_t)arrival;
	m->eight_bit = span_eq(p->body, span_of("8bit"));
	m->smtputf8 = span_eq(p->smtputf8, span_of("yes"));
	m->reverse_path = place(&at, p->from);
	for (unsigned i = 0; i < p->n_to; i++) {
		if (!take_field(&to, "to", &value) ||
		    !split_to(value, &address, &domain))
			return err_set(e, ERR_BUG, 0, "recipient changed");
		m->recipients[i].address = place(&at, address);
		m->recipients[i].domain = place(&at, domain);
	}
	return 0;
}

int
spool_parse_head(struct span line, struct span envelope, struct spool_msg **out,
		 struct err *e)
{
	struct spool_first f;
	struct parts p = { 0 };
	char *at;

	if (spool_parse_first(line, &f, e) != 0)
		return -1;
	if (envelope.n != f.envelope_bytes ||
	    head_crc(line, envelope) != f.head_crc)
		return err_set(e, ERR_PERM, 0, "envelope checksum differs");
	if (split_envelope(envelope, &p, e) != 0)
		return -1;
	struct spool_msg *m = alloc_msg(p.n_to, p.from.n + 1 + p.to_bytes, &at);
	if (m == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "queue");
	if (fill_msg(m, &p, at, e) != 0) {
		free(m);
		return -1;
	}
	m->size = f.message_bytes;
	m->message_crc = f.message_crc;
	m->message_at = (int64_t)(SPOOL_FIRST_SIZE + envelope.n);
	*out = m;
	return 0;
}

void
spool_msg_note(struct spool_rcpt *to, struct span reply, int64_t wall_s)
{
	reply = span_head(reply, SPOOL_REPLY_MAX);
	char *copy = malloc(reply.n + 1);
	if (copy == NULL)
		return; /* the older one serves */
	if (reply.n > 0)
		memcpy(copy, reply.p, reply.n);
	copy[reply.n] = '\0';
	free(to->reply);
	to->reply = copy;
	to->attempt_s = wall_s;
}

static int
apply(struct span text, struct spool_msg *m)
{
	uint64_t index, wall_s;

	struct span verb = span_word(&text);
	bool hold = span_eq(verb, span_of("hold"));
	if (hold || span_eq(verb, span_of("release"))) {
		if (span_u64(span_word(&text), &wall_s) != 0 || text.n != 0)
			return -1;
		m->held = hold;
		return 0;
	}
	if (!span_eq(verb, span_of("result")) ||
	    span_u64(span_word(&text), &index) != 0 || index >= m->n_recipients)
		return -1;
	struct spool_rcpt *to = &m->recipients[index];
	struct span word = span_word(&text);
	for (unsigned i = 0; i < 3; i++) {
		if (!span_eq(word, span_of(state_names[i])))
			continue;
		if (span_u64(span_word(&text), &wall_s) != 0 ||
		    wall_s > INT64_MAX / 2000)
			return -1;
		if (to->state == SPOOL_WAITING) /* final stays final */
			to->state = (enum spool_state)i;
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
	if (!take_line(&rest, &line) || line.n < 10 ||
	    line.n > SPOOL_RECORD_MAX + 9 || line.p[8] != ' ' ||
	    hex32(span_head(line, 8), &crc) != 0)
		return -1;
	struct span body = span_skip(line, 9);
	if (crc32_add(0, body.p, body.n) != crc || apply(body, m) != 0)
		return -1;
	*text = rest;
	return 1;
}
