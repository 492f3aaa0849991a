#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "milter/milter_chain_private.h"

/*
 * The content of a message, to one milter after the other.  Each is told the
 * header, the body and the end, until it has decided; what it wants to change
 * is collected and done after its last word.
 */

/* A milter and what it has been told. */
struct talk {
	struct milter_chain *c;
	struct milter_member *m;
	struct milter_message *message;
	struct milter_edits edits;
	struct smtp_reply *r;
	bool over;    /* it has decided */
	bool changes; /* what it wanted is being done */
};

/* 1 when nothing more is to be said, 0, or -1. */
static int
heard(struct talk *t, const char *step, int rc, const struct milter_verdict *v,
      struct err *e)
{
	if (rc != 0)
		return err_prefix(e, "%s", step);
	t->over = milter_chain_decided(t->c, t->m, step, v, t->r);
	return t->over || v->what == MILTER_SKIPS;
}

static int
tell_header(struct talk *t, struct err *e)
{
	const struct milter_header *h = &t->message->header;
	struct milter_session *s = t->m->session;
	struct milter_verdict v;

	for (size_t i = 0; i < h->n; i++) {
		const struct milter_field *f = &h->v[i];
		if (f->name_n == 0)
			continue;
		int rc = milter_session_header(s, milter_field_name(f),
					       milter_field_value(f), &v, e);
		rc = heard(t, "header", rc, &v, e);
		if (rc != 0)
			return rc < 0 ? -1 : 0;
	}
	return 0;
}

static int
tell_piece(void *talk, struct span piece, struct err *e)
{
	struct talk *t = talk;
	struct milter_verdict v;

	return heard(t, "body",
		     milter_session_body(t->m->session, piece, &v, e), &v, e);
}

static int
collect(void *talk, struct span packet, const struct milter_reply *r,
	struct err *e)
{
	struct talk *t = talk;

	return milter_edits_add(&t->edits, packet, r, e);
}

static int
tell_end(struct talk *t, struct err *e)
{
	struct milter_verdict v;
	int rc =
	    milter_session_end(t->m->session, t->c->facts, collect, t, &v, e);

	if (rc == 0)
		t->m->told = false; /* it waits for the next message */
	rc = heard(t, "end", rc, &v, e);
	if (rc < 0)
		return -1;
	/* with a refusal or a discard its changes have no object */
	if (t->r->code != 0 || v.what == MILTER_DISCARDS)
		return 0;
	t->changes = true;
	return milter_message_apply(t->message, &t->edits,
				    milter_session_is_spaced(t->m->session), e);
}

static int
tell(struct talk *t, struct err *e)
{
	struct milter_session *s = t->m->session;
	struct milter_verdict v;

	milter_session_begin_content(s);
	if (tell_header(t, e) != 0)
		return -1;
	if (t->over)
		return 0;
	int rc = milter_session_end_header(s, t->c->facts, &v, e);
	if (heard(t, "eoh", rc, &v, e) < 0)
		return -1;
	if (t->over)
		return 0;
	if (milter_body_each(&t->message->body, tell_piece, t, e) < 0)
		return -1;
	return t->over ? 0 : tell_end(t, e);
}

/* Not inlined: each line of the log is 2 KiB of stack. */
static __attribute__((noinline)) void
log_changes(const struct talk *t, unsigned recipients, bool quarantined)
{
	const struct milter_message *m = t->message;
	struct log_line l;

	if (t->edits.packets.n == 0 && !t->edits.has_body)
		return;
	log_begin(&l, LOG_INFO, "milter-changed");
	log_str(&l, "session", t->c->client.session);
	log_str(&l, "id", t->c->facts->id);
	log_str(&l, "milter", t->m->config->at.name);
	log_num(&l, "fields", (int64_t)m->header.n);
	if (t->edits.has_body)
		log_num(&l, "body", milter_body_size(&m->body));
	if (milter_message_recipients(m) != recipients)
		log_num(&l, "rcpts", milter_message_recipients(m));
	if (!quarantined && m->quarantine[0] != '\0')
		log_str(&l, "quarantine", m->quarantine);
	log_end(&l);
}

/* There is a header that has room for all that the milter wants: else it is not
 * well, and no message is returned for that. */
static bool
is_reasonable(const struct milter_edits *x)
{
	return x->packets.n <= HEADER_BLOCK_MAX && x->n <= HEADER_FIELDS_MAX;
}

/*
 * The header has no room for what the milter adds.  The milter has done its
 * part and is well; the message would end like this each time, so it is refused
 * for good (RFC 3463 3.4), as one whose header is over the bound by itself.
 */
static __attribute__((noinline)) void
refuse_changes(const struct talk *t, const struct err *why)
{
	struct log_line l;

	reply_set(t->r, 552, "5.3.4", "%s", why->msg);
	log_begin(&l, LOG_WARN, "milter-changes-refused");
	log_str(&l, "session", t->c->client.session);
	log_str(&l, "id", t->c->facts->id);
	log_str(&l, "milter", t->m->config->at.name);
	log_err(&l, why);
	log_end(&l);
}

/*
 * A message that a milter has changed only in part cannot go on as if nothing
 * had happened, whatever its fallback says: the client has to try again.
 */
static void
tell_one(struct milter_chain *c, struct milter_member *m,
	 struct milter_message *message, struct smtp_reply *r)
{
	unsigned recipients = milter_message_recipients(message);
	bool quarantined = message->quarantine[0] != '\0';
	struct talk t = { .c = c, .m = m, .message = message, .r = r };
	struct err e = { 0 };

	milter_edits_init(&t.edits, message->body.dirfd,
			  message->body.size_max);
	int rc = tell(&t, &e);
	if (rc == 0 && r->code == 0)
		log_changes(&t, recipients, quarantined);
	bool reasonable = is_reasonable(&t.edits);
	milter_edits_clear(&t.edits);
	if (rc == 0)
		return;
	if (t.changes && e.class == ERR_PERM && reasonable) {
		refuse_changes(&t, &e);
		return;
	}
	milter_chain_fail(c, m, "content", &e, r);
	if (t.changes && r->code == 0)
		reply_set(r, 451, "4.7.1",
			  "A filter has failed, try again later");
}

/* What no milter can be told: its packets hold no more. */
static bool
fits(const struct milter_message *m)
{
	for (size_t i = 0; i < m->header.n; i++) {
		if (m->header.v[i].whole.n > MILTER_DATA_MAX - 2)
			return false;
	}
	return true;
}

void
milter_chain_message(struct milter_chain *c, struct milter_message *m,
		     struct smtp_reply *r)
{
	struct smtp_reply one = { 0 };

	if (!fits(m))
		reply_set(&one, 552, "5.3.4", "Header field over %d bytes",
			  MILTER_DATA_MAX - 2);
	for (size_t i = 0; i < c->n && one.code == 0 && c->discards == NULL;
	     i++) {
		struct milter_member *member = &c->v[i];
		if (member->state == MEMBER_FAILED) {
			milter_chain_fall_back(member, &one);
		} else if (member->state == MEMBER_OPEN && !member->done) {
			tell_one(c, member, m, &one);
		}
	}
	if (one.code != 0)
		*r = one;
}
