#include "base/log.h"
#include "queue/scheduler_admin.h"
#include "sender/control_private.h"

/* ---- what is there ------------------------------------------------------
 */

static const char *
rcpt_state(const struct spool_rcpt *to)
{
	if (to->busy)
		return "delivering";
	switch (to->state) {
	case SPOOL_WAITING:
		return "waiting";
	case SPOOL_DELIVERED:
		return "delivered";
	case SPOOL_FAILED:
		return "failed";
	}
	return "waiting";
}

static void
put_recipient(struct control_session *s, const struct spool_msg *m, unsigned i)
{
	const struct spool_rcpt *to = &m->recipients[i];
	struct control_json j;

	control_json_begin(&j, &s->out);
	control_json_text(&j, "type", "recipient");
	control_json_text(&j, "id", m->id);
	control_json_text(&j, "address", to->address);
	control_json_text(&j, "state", rcpt_state(to));
	/* the worker that has it may be writing these */
	if (!to->busy && to->reply != NULL) {
		control_json_text(&j, "reply", to->reply);
		control_json_number(&j, "replied", to->attempt_s);
	}
	s->cut = control_json_end(&j) != 0 || s->cut;
}

/* How many recipients are in which state, and one that waits. */
struct counts {
	unsigned waiting, delivering, delivered, failed;
	const struct spool_rcpt *first; /* not done; NULL: all are */
};

static struct counts
count(const struct spool_msg *m)
{
	struct counts n = { 0 };

	for (unsigned i = 0; i < m->n_recipients; i++) {
		const struct spool_rcpt *to = &m->recipients[i];
		if (n.first == NULL && (to->busy || to->state == SPOOL_WAITING))
			n.first = to;
		if (to->busy)
			n.delivering++;
		else if (to->state == SPOOL_WAITING)
			n.waiting++;
		else if (to->state == SPOOL_DELIVERED)
			n.delivered++;
		else
			n.failed++;
	}
	return n;
}

static void
put_message(struct control_session *s, const struct scheduler_item *i)
{
	const struct spool_msg *m = i->m;
	struct counts n = count(m);
	struct control_json j;

	control_json_begin(&j, &s->out);
	control_json_text(&j, "type", "message");
	control_json_text(&j, "id", m->id);
	control_json_text(&j, "state",
			  n.delivering > 0 ? "delivering"
			  : m->held        ? "held"
			  : i->scheduled   ? "scheduled"
					   : "waiting");
	control_json_bool(&j, "held", m->held);
	control_json_number(&j, "arrival", m->arrival_s);
	control_json_number(&j, "age", i->age_s);
	control_json_number(&j, "size", m->size);
	control_json_text(&j, "sender", m->reverse_path);
	if (m->login != NULL)
		control_json_text(&j, "login", m->login);
	if (m->release_s > 0)
		control_json_number(&j, "release", m->release_s);
	control_json_number(&j, "recipients", m->n_recipients);
	control_json_number(&j, "waiting", n.waiting);
	control_json_number(&j, "delivering", n.delivering);
	control_json_number(&j, "delivered", n.delivered);
	control_json_number(&j, "failed", n.failed);
	if (n.first != NULL)
		control_json_text(&j, "recipient", n.first->address);
	if (i->due_in_ms >= 0) {
		control_json_number(&j, "next_try", i->due_in_ms / 1000);
		control_json_number(&j, "attempts", i->attempts);
		control_json_text(&j, "destination", i->destination);
	}
	if (n.first != NULL && !n.first->busy && n.first->reply != NULL)
		control_json_text(&j, "reply", n.first->reply);
	else if (i->why[0] != '\0')
		control_json_text(&j, "reply", i->why);
	s->cut = control_json_end(&j) != 0 || s->cut;
}

static void
note_found(struct control_session *s, const char *id)
{
	int at = control_request_find(&s->r, id);

	if (at >= 0)
		s->found[at] = true;
}

static void
on_item(void *ctx, const struct scheduler_item *i)
{
	struct control_session *s = ctx;

	note_found(s, i->m->id);
	s->count++;
	put_message(s, i);
	if (s->r.verb != CONTROL_SHOW)
		return;
	for (unsigned k = 0; k < i->m->n_recipients; k++)
		put_recipient(s, i->m, k);
}

static int
on_page(void *ctx)
{
	struct control_session *s = ctx;

	if (wake_is_raised(s->stop))
		return -1;
	return s->out.n == 0 ? 0 : control_session_flush(s, NULL);
}

/* ---- what is done -------------------------------------------------------
 */

static void
put_result(struct control_session *s, const char *id, const char *result,
	   const struct err *why)
{
	struct control_json j;

	control_json_begin(&j, &s->out);
	control_json_text(&j, "type", "result");
	control_json_text(&j, "id", id);
	control_json_text(&j, "result", result);
	if (why != NULL)
		control_json_text(&j, "reason", why->msg);
	s->cut = control_json_end(&j) != 0 || s->cut;
}

/* What a message is now that the request was carried out on it. */
static const char *
done(enum control_verb v)
{
	switch (v) {
	case CONTROL_HOLD:
		return "held";
	case CONTROL_RELEASE:
		return "released";
	case CONTROL_RETRY:
		return "due now";
	case CONTROL_REMOVE:
		return "removed";
	case CONTROL_CANCEL:
		return "cancelled";
	case CONTROL_LIST:
	case CONTROL_SHOW:
	case CONTROL_FLUSH:
	case CONTROL_TRAIL:
	case CONTROL_WHY:
	case CONTROL_TLS_LIST:
	case CONTROL_TLS_FORGET:
		break;
	}
	return "";
}

static void
on_acted(void *ctx, const char *id, enum scheduler_did did,
	 const struct err *why)
{
	struct control_session *s = ctx;

	note_found(s, id);
	switch (did) {
	case SCHEDULER_DID:
		s->count++;
		put_result(s, id, done(s->r.verb), NULL);
		return;
	case SCHEDULER_DID_HELD:
		if (s->r.verb == CONTROL_RETRY)
			s->failed++;
		put_result(s, id, "is held", NULL);
		return;
	case SCHEDULER_DID_NONE:
		if (s->r.verb == CONTROL_CANCEL)
			s->failed++;
		put_result(s, id,
			   s->r.verb == CONTROL_CANCEL ? "is not scheduled"
						       : "was not held",
			   NULL);
		return;
	case SCHEDULER_DID_SCHEDULED:
		s->failed++;
		put_result(s, id, "waits for its time", NULL);
		return;
	case SCHEDULER_DID_BUSY:
		if (s->r.verb == CONTROL_REMOVE || s->r.verb == CONTROL_CANCEL)
			s->failed++;
		put_result(s, id, "is being delivered", NULL);
		return;
	case SCHEDULER_DID_FAIL:
		s->failed++;
		put_result(s, id, "failed", why);
		return;
	}
}

/* Carry the request out on the messages chosen.  A verb that is none of the
 * queue's changes nothing. */
static int
carry_out(struct control_session *s, const struct scheduler_select *w,
	  const struct scheduler_viewer *v, struct err *e)
{
	struct scheduler *k = s->o.scheduler;

	switch (s->r.verb) {
	case CONTROL_LIST:
	case CONTROL_SHOW:
		return scheduler_list(k, w, v, e);
	case CONTROL_HOLD:
		return scheduler_act(k, SCHEDULER_HOLD, w, v, e);
	case CONTROL_RELEASE:
		return scheduler_act(k, SCHEDULER_RELEASE, w, v, e);
	case CONTROL_RETRY:
		return scheduler_act(k, SCHEDULER_RETRY, w, v, e);
	case CONTROL_REMOVE:
		return scheduler_act(k, SCHEDULER_REMOVE, w, v, e);
	case CONTROL_CANCEL:
		return scheduler_act(k, SCHEDULER_CANCEL, w, v, e);
	case CONTROL_FLUSH:
		s->count = scheduler_count(k);
		scheduler_retry(k);
		return 0;
	case CONTROL_TRAIL:
	case CONTROL_WHY:
	case CONTROL_TLS_LIST:
	case CONTROL_TLS_FORGET:
		break;
	}
	return err_set(e, ERR_BUG, 0, "not a request about the queue");
}

int
control_queue_list(struct control_session *s, const char *recipient,
		   struct err *e)
{
	const struct scheduler_viewer v = { on_item, on_acted, on_page, s };
	const struct scheduler_select w = { .recipient = recipient };

	return scheduler_list(s->o.scheduler, &w, &v, e);
}

int
control_queue_answer(struct control_session *s, struct err *e)
{
	const struct control_request *r = &s->r;
	const struct scheduler_viewer v = { on_item, on_acted, on_page, s };
	struct scheduler_select w = {
		.ids = r->ids,
		.n_ids = r->n_ids,
		.sender = r->sender[0] == '\0' ? NULL : r->sender,
		.recipient = r->recipient[0] == '\0' ? NULL : r->recipient,
		.destination =
		    r->destination[0] == '\0' ? NULL : r->destination,
		.older_than_s = r->older_than_s,
	};
	int rc = carry_out(s, &w, &v, e);

	for (unsigned i = 0; i < r->n_ids && rc == 0; i++) {
		if (s->found[i])
			continue;
		s->failed++;
		put_result(s, r->ids[i], "not in the queue", NULL);
	}
	return rc;
}
