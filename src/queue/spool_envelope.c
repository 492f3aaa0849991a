#include "queue/spool_format.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mail/release.h"

/*
 * The envelope of a spool file, and the message in memory that is made of it.
 * Lines that not every message has stand between those that each has: a file
 * of before them is read as it is.
 */

/* Words of the tls line; SPOOL_TLS_ANY has none. */
static const char *const tls_words[] = { "", "require", "optional" };

/* ---- writing ------------------------------------------------------------
 */

static int
format_to(const struct spool_to *to, struct buf *out)
{
	char notify[DSN_NOTIFY_SIZE];
	int rc = buf_addf(out, "to %s %s\n", to->address, to->domain);

	dsn_notify_text(to->notify, notify);
	if (rc == 0 && notify[0] != '\0')
		rc = buf_addf(out, "notify %s\n", notify);
	if (rc == 0 && to->orcpt != NULL)
		rc = buf_addf(out, "orcpt %s\n", to->orcpt);
	return rc;
}

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

	if (rc == 0 && env->ret != DSN_RET_NONE)
		rc = buf_addf(out, "ret %s\n", dsn_ret_text(env->ret));
	if (rc == 0 && env->envid != NULL)
		rc = buf_addf(out, "envid %s\n", env->envid);
	if (rc == 0 && env->login != NULL)
		rc = buf_addf(out, "login %s\n", env->login);
	if (rc == 0 && env->release_s > 0)
		rc = buf_addf(out, "release %lld %s\n",
			      (long long)env->release_s, env->release);
	if (rc == 0 && env->tls != SPOOL_TLS_ANY)
		rc = buf_addf(out, "tls %s\n", tls_words[env->tls]);
	if (rc == 0 && (env->delivery[0] | env->delivery[1]) != 0)
		rc = buf_addf(out, "delivery %016llx%016llx\n",
			      (unsigned long long)env->delivery[0],
			      (unsigned long long)env->delivery[1]);
	if (rc == 0 && env->handed != NULL)
		rc = buf_addf(out, "handed %s\n", env->handed);
	if (rc == 0 && env->party != NULL)
		rc = buf_addf(out, "party %s\n", env->party);
	for (unsigned i = 0; i < env->n_to && rc == 0; i++)
		rc = format_to(&env->to[i], out);
	return rc != 0 ? -1 : buf_add_char(out, '\n');
}

/* ---- reading ------------------------------------------------------------
 */

/* "name value" with exactly this name; value may be empty. */
static bool
take_field(struct span *text, const char *name, struct span *value)
{
	struct span line;
	size_t n = strlen(name);

	if (!spool_take_line(text, &line) || line.n < n + 1 ||
	    memcmp(line.p, name, n) != 0 || line.p[n] != ' ')
		return false;
	*value = span_skip(line, n + 1);
	return true;
}

/* The same when the next line has that name; else *value has p NULL and the
 * line stays. */
static void
take_optional(struct span *text, const char *name, struct span *value)
{
	struct span rest = *text;

	if (take_field(&rest, name, value))
		*text = rest;
	else
		*value = span_make(NULL, 0);
}

/* The parts of an envelope, borrowed from its text. */
struct parts {
	struct span id, arrival, from, body, smtputf8, envid, login, release;
	enum dsn_ret ret;
	int64_t release_s;
	enum spool_tls tls;
	uint64_t delivery[2];
	struct span handed, party;
	struct span to; /* all recipients */
	unsigned n_to;
	size_t strings; /* bytes of all that a message keeps */
};

/* A recipient: its "to" line and what may follow it. */
struct to_parts {
	struct span address, domain, orcpt;
	unsigned notify;
};

static bool
split_to(struct span value, struct to_parts *t)
{
	size_t at = value.n; /* a quoted local part may hold spaces */

	while (at > 0 && value.p[at - 1] != ' ')
		at--;
	if (at < 2 || at == value.n)
		return false;
	t->address = span_head(value, at - 1);
	t->domain = span_skip(value, at);
	return true;
}

static bool
take_to(struct span *text, struct to_parts *t)
{
	struct span value;

	*t = (struct to_parts){ 0 };
	if (!take_field(text, "to", &value) || !split_to(value, t))
		return false;
	take_optional(text, "notify", &value);
	if (value.p != NULL && dsn_notify_parse(value, &t->notify) != 0)
		return false;
	take_optional(text, "orcpt", &t->orcpt);
	return t->orcpt.p == NULL || dsn_orcpt_is_valid(t->orcpt, true);
}

/* "1795681800 for;3600" */
static bool
split_release(struct span value, struct parts *p)
{
	uint64_t wall_s = 0;

	if (span_u64(span_word(&value), &wall_s) != 0 || wall_s == 0 ||
	    wall_s > INT64_MAX / 2000)
		return false;
	p->release = span_trim(value);
	p->release_s = (int64_t)wall_s;
	return release_request_is_valid(p->release);
}

/* 16 hexadecimal digits. */
static bool
take_hex64(struct span digits, uint64_t *value)
{
	*value = 0;
	for (size_t i = 0; i < digits.n; i++) {
		char c = digits.p[i];
		bool letter = c >= 'a' && c <= 'f';
		if (!span_is_digit(c) && !letter)
			return false;
		*value =
		    *value << 4 | (uint64_t)(letter ? c - 'a' + 10 : c - '0');
	}
	return digits.n == 16;
}

static int
split_ids(struct span *text, struct parts *p, struct err *e)
{
	struct span delivery;

	take_optional(text, "delivery", &delivery);
	take_optional(text, "handed", &p->handed);
	take_optional(text, "party", &p->party);
	if (delivery.p != NULL &&
	    (!take_hex64(span_head(delivery, 16), &p->delivery[0]) ||
	     !take_hex64(span_skip(delivery, 16), &p->delivery[1])))
		return err_set(e, ERR_PERM, 0, "malformed delivery id");
	if (p->handed.p != NULL &&
	    (p->handed.n > IDS_TEXT_MAX || p->handed.n == 0 ||
	     span_find(p->handed, ' ', 0) >= 0))
		return err_set(e, ERR_PERM, 0, "malformed hand-over id");
	return 0;
}

/* The lines that a message may have or not. */
static int
split_optional(struct span *text, struct parts *p, struct err *e)
{
	struct span ret, release, tls;

	take_optional(text, "ret", &ret);
	take_optional(text, "envid", &p->envid);
	take_optional(text, "login", &p->login);
	take_optional(text, "release", &release);
	take_optional(text, "tls", &tls);
	if ((ret.p != NULL && dsn_ret_parse(ret, &p->ret) != 0) ||
	    (p->envid.p != NULL && !dsn_envid_is_valid(p->envid)))
		return err_set(e, ERR_PERM, 0, "malformed ret or envid");
	if (release.p != NULL && !split_release(release, p))
		return err_set(e, ERR_PERM, 0, "malformed release");
	if (split_ids(text, p, e) != 0)
		return -1;
	if (tls.p == NULL)
		return 0;
	/* an unknown wish must not be passed over */
	if (span_eq(tls, span_of(tls_words[SPOOL_TLS_REQUIRED])))
		p->tls = SPOOL_TLS_REQUIRED;
	else if (span_eq(tls, span_of(tls_words[SPOOL_TLS_OPTIONAL])))
		p->tls = SPOOL_TLS_OPTIONAL;
	else
		return err_set(e, ERR_PERM, 0, "malformed tls");
	return 0;
}

static int
split_envelope(struct span text, struct parts *p, struct err *e)
{
	struct to_parts t;

	if (memchr(text.p, '\0', text.n) != NULL)
		return err_set(e, ERR_PERM, 0, "NUL in the envelope");
	if (!take_field(&text, "id", &p->id) ||
	    !take_field(&text, "arrival", &p->arrival) ||
	    !take_field(&text, "from", &p->from) ||
	    !take_field(&text, "body", &p->body) ||
	    !take_field(&text, "smtputf8", &p->smtputf8))
		return err_set(e, ERR_PERM, 0, "malformed envelope");
	if (split_optional(&text, p, e) != 0)
		return -1;
	p->strings = p->from.n + p->envid.n + p->login.n + p->release.n +
		     p->handed.n + p->party.n + 6;
	p->to = text;
	while (text.n > 1) {
		if (!take_to(&text, &t))
			return err_set(e, ERR_PERM, 0, "malformed recipient");
		p->n_to++;
		p->strings += t.address.n + t.domain.n + t.orcpt.n + 3;
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

/* The same, NULL for none. */
static const char *
place_optional(char **at, struct span s)
{
	return s.p != NULL ? place(at, s) : NULL;
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
	spool_entry_release(m->entry);
	free(m);
	*out = NULL;
}

int
spool_msg_new(struct spool_msg **out, const struct spool_envelope *env,
	      struct err *e)
{
	size_t strings = strlen(env->reverse_path) + span_of(env->envid).n +
			 span_of(env->login).n + span_of(env->release).n +
			 span_of(env->handed).n + span_of(env->party).n + 6;
	char *at;

	for (unsigned i = 0; i < env->n_to; i++)
		strings += strlen(env->to[i].address) +
			   strlen(env->to[i].domain) +
			   span_of(env->to[i].orcpt).n + 3;
	struct spool_msg *m = alloc_msg(env->n_to, strings, &at);
	if (m == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "queue");
	if (span_copy(span_of(env->id), m->id, sizeof(m->id)) != 0) {
		free(m);
		return err_set(e, ERR_BUG, 0, "queue id too long");
	}
	m->arrival_s = env->arrival_s;
	m->smtputf8 = env->smtputf8;
	m->ret = env->ret;
	m->release_s = env->release_s;
	m->tls = env->tls;
	memcpy(m->delivery, env->delivery, sizeof(m->delivery));
	m->reverse_path = place(&at, span_of(env->reverse_path));
	m->envid = place_optional(&at, span_of(env->envid));
	m->login = place_optional(&at, span_of(env->login));
	m->release = place_optional(&at, span_of(env->release));
	m->handed = place_optional(&at, span_of(env->handed));
	m->party = place_optional(&at, span_of(env->party));
	for (unsigned i = 0; i < env->n_to; i++) {
		const struct spool_to *to = &env->to[i];
		m->recipients[i].address = place(&at, span_of(to->address));
		m->recipients[i].domain = place(&at, span_of(to->domain));
		m->recipients[i].notify = to->notify;
		m->recipients[i].orcpt =
		    place_optional(&at, span_of(to->orcpt));
	}
	*out = m;
	return 0;
}

static int
fill_msg(struct spool_msg *m, const struct parts *p, char *at, struct err *e)
{
	uint64_t arrival;
	struct span to = p->to;
	struct to_parts t;

	if (span_copy(p->id, m->id, sizeof(m->id)) != 0 ||
	    span_u64(p->arrival, &arrival) != 0 || arrival > INT64_MAX / 2000)
		return err_set(e, ERR_PERM, 0, "malformed id or arrival");
	m->arrival_s = (int64_t)arrival;
	m->eight_bit = span_eq(p->body, span_of("8bit"));
	m->smtputf8 = span_eq(p->smtputf8, span_of("yes"));
	m->ret = p->ret;
	m->release_s = p->release_s;
	m->tls = p->tls;
	memcpy(m->delivery, p->delivery, sizeof(m->delivery));
	m->reverse_path = place(&at, p->from);
	m->envid = place_optional(&at, p->envid);
	m->login = place_optional(&at, p->login);
	m->release = place_optional(&at, p->release);
	m->handed = place_optional(&at, p->handed);
	m->party = place_optional(&at, p->party);
	for (unsigned i = 0; i < p->n_to; i++) {
		if (!take_to(&to, &t))
			return err_set(e, ERR_BUG, 0, "recipient changed");
		m->recipients[i].address = place(&at, t.address);
		m->recipients[i].domain = place(&at, t.domain);
		m->recipients[i].notify = (uint8_t)t.notify;
		m->recipients[i].orcpt = place_optional(&at, t.orcpt);
	}
	return 0;
}

int
spool_parse_envelope(struct span text, struct spool_msg **out, struct err *e)
{
	struct parts p = { 0 };
	char *at;

	if (split_envelope(text, &p, e) != 0)
		return -1;
	struct spool_msg *m = alloc_msg(p.n_to, p.strings, &at);
	if (m == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "queue");
	if (fill_msg(m, &p, at, e) != 0) {
		free(m);
		return -1;
	}
	*out = m;
	return 0;
}

const char *
spool_msg_party(const struct spool_msg *m)
{
	if (m->party != NULL)
		return m->party;
	/* a login's, whatever it writes as the sender */
	return m->login != NULL ? m->login : m->reverse_path;
}

bool
spool_delivery_id(const struct spool_msg *m, char id[SPOOL_DELIVERY_SIZE])
{
	(void)snprintf(id, SPOOL_DELIVERY_SIZE, "%016llx%016llx",
		       (unsigned long long)m->delivery[0],
		       (unsigned long long)m->delivery[1]);
	return (m->delivery[0] | m->delivery[1]) != 0;
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
