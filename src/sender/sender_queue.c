#include <stdio.h>

#include "base/buf.h"
#include "base/log.h"
#include "mail/release.h"
#include "queue/scheduler_admin.h"
#include "sender/sender_private.h"

/*
 * XQUEUE (doc/extensions.md): what a login has handed in and has not left yet.
 * The queue's own tools do the work, narrowed to messages of that login.
 */
enum { LAST_LINE = 64 }; /* room kept for it */

struct answer {
	struct buf text;
	unsigned n, shown;
	bool done, busy;
	struct err why; /* when neither, and n > 0 */
};

static const char *
when(const struct scheduler_item *i, char date[RELEASE_DATE_SIZE])
{
	if (i->m->held)
		return "held";
	if (!i->scheduled)
		return "now";
	release_date_format(i->m->release_s, date);
	return date;
}

static void
on_item(void *ctx, const struct scheduler_item *i)
{
	struct answer *a = ctx;
	const struct spool_rcpt *first = NULL;
	char date[RELEASE_DATE_SIZE], more[32] = "";
	unsigned waiting = 0;

	for (unsigned k = 0; k < i->m->n_recipients; k++) {
		const struct spool_rcpt *to = &i->m->recipients[k];
		if (!to->busy && to->state != SPOOL_WAITING)
			continue;
		waiting++;
		first = first == NULL ? to : first;
	}
	if (first == NULL)
		return;
	a->n++;
	if (waiting > 1)
		(void)snprintf(more, sizeof(more), " and %u more", waiting - 1);
	if (buf_addf(&a->text, "%s %s %lld <%s>%s\n", i->m->id, when(i, date),
		     (long long)i->m->size, first->address, more) == 0)
		a->shown++;
}

static void
on_acted(void *ctx, const char *id, enum scheduler_did did,
	 const struct err *why)
{
	struct answer *a = ctx;

	(void)id;
	a->n++;
	a->done = did == SCHEDULER_DID;
	a->busy = did == SCHEDULER_DID_BUSY;
	if (why != NULL)
		a->why = *why;
}

static int
on_page(void *ctx)
{
	(void)ctx;
	return 0;
}

static void
failed(const struct smtp_client_info *c, const struct err *why,
       struct smtp_reply *r)
{
	log_failure(LOG_ERROR, "xqueue-failed", "session", c->session, why);
	reply_from_err(r, why);
}

static void
list(struct sender *s, const struct smtp_client_info *c,
     const struct scheduler_select *w, struct smtp_reply *r)
{
	struct answer a = { 0 };
	const struct scheduler_viewer v = { on_item, on_acted, on_page, &a };
	struct err e;

	buf_init(&a.text, REPLY_TEXT_SIZE - LAST_LINE);
	if (scheduler_list(s->scheduler, w, &v, &e) != 0) {
		failed(c, &e, r);
		buf_free(&a.text);
		return;
	}
	char shown[32] = "";
	if (a.shown < a.n)
		(void)snprintf(shown, sizeof(shown), ", %u shown", a.shown);
	reply_set(r, 250, "2.0.0", "%.*s%u message%s%s",
		  SPAN_ARG(buf_span(&a.text)), a.n, a.n == 1 ? "" : "s", shown);
	buf_free(&a.text);
}

static void
log_cancelled(const struct smtp_client_info *c, const char *id)
{
	struct log_line l;

	log_begin(&l, LOG_INFO, "cancelled");
	log_str(&l, "session", c->session);
	log_str(&l, "login", c->login);
	log_str(&l, "id", id);
	log_end(&l);
}

static void
cancel(struct sender *s, const struct smtp_client_info *c, const char *id,
       struct smtp_reply *r)
{
	char ids[1][RAND_ID_SIZE] = { "" };
	struct answer a = { 0 };
	const struct scheduler_viewer v = { on_item, on_acted, on_page, &a };
	const struct scheduler_select w = {
		.ids = (const char(*)[RAND_ID_SIZE])ids,
		.n_ids = 1,
		.login = c->login
	};
	struct err e;

	(void)span_copy(span_of(id), ids[0], sizeof(ids[0]));
	if (scheduler_act(s->scheduler, SCHEDULER_REMOVE, &w, &v, &e) != 0) {
		failed(c, &e, r);
	} else if (a.n == 0) {
		/* another's is no different from one that never was */
		reply_set(r, 550, "5.5.4",
			  "No message %s of yours is in the queue", id);
	} else if (a.busy) {
		reply_set(r, 450, "4.5.0", "%s is being delivered now", id);
	} else if (a.done) {
		reply_set(r, 250, "2.0.0", "%s cancelled", id);
		log_cancelled(c, id);
	} else {
		failed(c, &a.why, r);
	}
}

void
sender_on_queue(void *ctx, const struct smtp_client_info *c, const char *id,
		struct smtp_reply *r)
{
	const struct scheduler_select mine = { .login = c->login };

	if (id == NULL)
		list(ctx, c, &mine, r);
	else
		cancel(ctx, c, id, r);
}
