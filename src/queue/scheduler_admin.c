#include "queue/scheduler_admin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "queue/scheduler_private.h"

enum {
	EXAMINED = 64, /* messages looked at under one lock */
	SLICE = 16,    /* of them copied or changed */
	PAGE = 8192,   /* removed with one sync */
};

/* One walk.  The place in the list is kept by a node of its own, a bookmark:
 * a message without recipients, which every other walk passes by. */
struct walk {
	struct scheduler *s;
	const struct scheduler_select *w;
	const struct scheduler_viewer *v;
	struct spool_msg bookmark;
	bool placed, over;
	int64_t now_ms, wall_s;
	unsigned from, n; /* the slice is page[from..n) */
	struct spool_msg *page[PAGE];
	char id[PAGE][RAND_ID_SIZE]; /* of these, which may go meanwhile */
	enum scheduler_did did[PAGE];
};

/* ---- choosing (lock held) -----------------------------------------------
 */

/* An address as asked for: whole, or "@domain" for all of a domain. */
static bool
address_is(const char *address, const char *wanted)
{
	struct span a = span_of(address);

	if (wanted[0] == '@') {
		const char *at = strrchr(address, '@');
		if (at == NULL)
			return false;
		a = span_of(at);
	}
	return span_eq_nocase(a, span_of(wanted));
}

static bool
sender_is(const struct spool_msg *m, const char *wanted)
{
	if (strcmp(wanted, "<>") == 0 || wanted[0] == '\0')
		return m->reverse_path[0] == '\0';
	return address_is(m->reverse_path, wanted);
}

static bool
is_undone(const struct spool_rcpt *to)
{
	return to->busy || to->state == SPOOL_WAITING;
}

static bool
goes_to(struct scheduler *s, const struct spool_msg *m,
	const struct spool_rcpt *to, const char *wanted)
{
	char key[SCHEDULER_KEY_SIZE];

	if (span_eq_nocase(span_of(to->domain), span_of(wanted)))
		return true;
	s->o.route(s->o.ctx, m->reverse_path, to->domain, key);
	return strcmp(key, wanted) == 0;
}

static bool
recipients_match(struct scheduler *s, const struct spool_msg *m,
		 const struct scheduler_select *w)
{
	bool named = w->recipient == NULL, goes = w->destination == NULL;
	const char *domain = "";

	for (unsigned i = 0; i < m->n_recipients && !(named && goes); i++) {
		const struct spool_rcpt *to = &m->recipients[i];
		if (!is_undone(to))
			continue;
		named = named || address_is(to->address, w->recipient);
		/* most recipients of a message share one domain */
		if (!goes && strcmp(domain, to->domain) != 0)
			goes = goes_to(s, m, to, w->destination);
		domain = to->domain;
	}
	return named && goes;
}

static int
compare_ids(const void *a, const void *b)
{
	return strcmp(a, b);
}

static bool
is_chosen(const struct walk *k, const struct spool_msg *m)
{
	const struct scheduler_select *w = k->w;

	if (scheduler_is_bookmark(m))
		return false;
	if (w->n_ids > 0 && bsearch(m->id, w->ids, w->n_ids, sizeof(w->ids[0]),
				    compare_ids) == NULL)
		return false;
	if (clock_age_s(k->wall_s, m->arrival_s) < w->older_than_s)
		return false;
	if (w->sender != NULL && !sender_is(m, w->sender))
		return false;
	if (w->login != NULL &&
	    (m->login == NULL || strcmp(m->login, w->login) != 0))
		return false;
	return recipients_match(k->s, m, w);
}

/* The next slice, behind what is in k->page. */
static void
gather(struct walk *k)
{
	struct scheduler *s = k->s;
	struct spool_msg *m = s->messages, *last = NULL;
	unsigned seen = 0;

	if (k->placed) {
		m = k->bookmark.next;
		last = &k->bookmark;
	}
	k->from = k->n;
	k->now_ms = scheduler_now_ms(s);
	k->wall_s = scheduler_wall_s(s);
	for (; m != NULL && k->n < k->from + SLICE && seen++ < EXAMINED;
	     m = m->next) {
		last = m;
		if (!is_chosen(k, m))
			continue;
		memcpy(k->id[k->n], m->id, sizeof(k->id[0]));
		k->page[k->n++] = m;
	}
	k->over = m == NULL;
	if (last == &k->bookmark || last == NULL)
		return;
	/* behind the last one looked at */
	if (k->placed)
		scheduler_unlist(s, &k->bookmark);
	scheduler_list_after(last, &k->bookmark);
	k->placed = true;
}

static bool
is_waiting(const struct scheduler_job *j)
{
	return j->where == SCHEDULER_LATER || j->where == SCHEDULER_DUE;
}

/* ---- looking (lock held) ------------------------------------------------
 */

static void
note_job(const struct walk *k, const struct scheduler_job *j,
	 struct scheduler_item *i)
{
	const struct scheduler_dest *d = j->line->d;
	int64_t in_ms = j->retry_ms > k->now_ms ? j->retry_ms - k->now_ms : 0;

	if (i->due_in_ms >= 0 && in_ms >= i->due_in_ms)
		return;
	i->due_in_ms = in_ms;
	i->attempts = j->attempts;
	i->destination = d->key;
	i->why = d->failures > 0 ? scheduler_dest_why(d) : "";
}

static bool
is_scheduled(const struct walk *k, const struct spool_msg *m)
{
	return m->release_s > k->wall_s;
}

static void
look(const struct walk *k)
{
	for (unsigned i = k->from; i < k->n; i++) {
		const struct spool_msg *m = k->page[i];
		struct scheduler_item item = {
			.m = m,
			.age_s = clock_age_s(k->wall_s, m->arrival_s),
			.due_in_ms = -1,
			.scheduled = is_scheduled(k, m),
			.destination = "",
			.why = "",
		};
		for (const struct scheduler_job *j = m->first_job; j != NULL;
		     j = j->other) {
			if (is_waiting(j))
				note_job(k, j, &item);
		}
		k->v->item(k->v->ctx, &item);
	}
}

/* ---- changing -----------------------------------------------------------
 * Each takes the lock held, may let it go for the disk, and returns with it
 * held.
 */

static bool
is_busy(const struct spool_msg *m)
{
	for (unsigned i = 0; i < m->n_recipients; i++) {
		if (m->recipients[i].busy)
			return true;
	}
	return false;
}

/* What waited for the release of m is due now.  Its first attempt after it
 * counts as the first: what was held for long is tried before it expires. */
static void
unpark(struct scheduler *s, struct spool_msg *m)
{
	bool scheduled = m->release_s > scheduler_wall_s(s);
	struct scheduler_job *next;

	for (struct scheduler_job *j = m->first_job; j != NULL; j = next) {
		next = j->other; /* new ones come before the first */
		if (j->where != SCHEDULER_PARKED)
			continue;
		struct scheduler_job_start start = {
			.due_ms = scheduler_now_ms(s),
			.warn_ms = j->warn_ms,
			.expires_ms = j->expires_ms,
			.release_ms = scheduled ? j->release_ms : 0,
			.manual = true,
		};
		j->n = scheduler_make_jobs(s, m, j->recipients, j->n, &start);
		if (j->n == 0) /* else out of memory: stays here */
			scheduler_drop_job(s, j);
	}
	scheduler_wake_all(s);
}

static bool
make_due(struct walk *k, struct scheduler_job *j)
{
	struct scheduler_dests *l = &k->s->dests;

	if (!is_waiting(j) || j->release_ms > k->now_ms)
		return false;
	scheduler_job_take(l, j, k->now_ms);
	if (!j->manual)
		j->planned_ms = j->retry_ms;
	j->manual = true;
	j->retry_ms = k->now_ms;
	scheduler_job_plan(j, k->now_ms);
	scheduler_job_put(l, j, k->now_ms);
	return true;
}

static void
retry(struct walk *k)
{
	for (unsigned i = k->from; i < k->n; i++) {
		const struct spool_msg *m = k->page[i];
		k->did[i] = m->held              ? SCHEDULER_DID_HELD
			    : is_scheduled(k, m) ? SCHEDULER_DID_SCHEDULED
						 : SCHEDULER_DID_BUSY;
		for (struct scheduler_job *j = m->first_job; j != NULL;
		     j = j->other) {
			if (make_due(k, j))
				k->did[i] = SCHEDULER_DID;
		}
	}
	scheduler_wake_all(k->s);
}

/* Write the record for one message of the page; it is pinned meanwhile. */
static void
record_hold(struct walk *k, unsigned i, bool hold)
{
	struct err e = { 0 };

	if (spool_hold(k->s->o.spool, k->page[i], hold, k->wall_s, &e) != 0)
		k->did[i] = SCHEDULER_DID_FAIL;
	k->v->acted(k->v->ctx, k->page[i]->id, k->did[i], &e);
}

/* Let go of message i, which was pinned by one job more. */
static void
unpin(struct walk *k, unsigned i)
{
	struct spool_msg *m = k->page[i];

	if (--m->jobs > 0)
		return;
	scheduler_unlink(k->s, m);
	(void)pthread_mutex_unlock(&k->s->lock);
	scheduler_finish(k->s, m);
	(void)pthread_mutex_lock(&k->s->lock);
}

/* It was released from its time: due now. */
static void
end_schedule(struct scheduler *s, struct spool_msg *m)
{
	int64_t now_ms = scheduler_now_ms(s);

	for (struct scheduler_job *j = m->first_job; j != NULL; j = j->other) {
		if (!is_waiting(j) || j->release_ms <= now_ms)
			continue;
		scheduler_job_take(&s->dests, j, now_ms);
		j->retry_ms = now_ms;
		j->manual = true;
		j->planned_ms = j->line->d->not_before_ms;
		j->release_ms = 0;
		scheduler_job_plan(j, now_ms);
		scheduler_job_put(&s->dests, j, now_ms);
	}
	scheduler_wake_all(s);
}

/* No delivery begins while the record is written. */
static void
park(struct scheduler *s, struct spool_msg *m)
{
	m->held = true;
	for (struct scheduler_job *j = m->first_job; j != NULL; j = j->other) {
		if (!is_waiting(j))
			continue;
		scheduler_job_take(&s->dests, j, scheduler_now_ms(s));
		scheduler_place(s, j);
	}
}

/* What is done to message i, and its pin. */
static void
begin_hold(struct walk *k, unsigned i, bool on)
{
	struct spool_msg *m = k->page[i];
	bool to_do = m->held != on || (!on && is_scheduled(k, m));

	k->did[i] = to_do ? SCHEDULER_DID
		    : on  ? SCHEDULER_DID_HELD
			  : SCHEDULER_DID_NONE;
	m->jobs++;
	if (to_do && on)
		park(k->s, m);
}

/* Hold or release: those of the slice that are not so yet. */
static void
hold(struct walk *k, bool on)
{
	struct scheduler *s = k->s;

	for (unsigned i = k->from; i < k->n; i++)
		begin_hold(k, i, on);
	(void)pthread_mutex_unlock(&s->lock);
	for (unsigned i = k->from; i < k->n; i++) {
		if (k->did[i] == SCHEDULER_DID)
			record_hold(k, i, on);
		else
			k->v->acted(k->v->ctx, k->page[i]->id, k->did[i], NULL);
	}
	(void)pthread_mutex_lock(&s->lock);
	for (unsigned i = k->from; i < k->n; i++) {
		struct spool_msg *m = k->page[i];
		if ((on && k->did[i] == SCHEDULER_DID_FAIL) ||
		    (!on && k->did[i] == SCHEDULER_DID)) {
			m->held = false;
			if (!on && is_scheduled(k, m))
				m->release_s = k->wall_s;
			unpark(s, m);
			if (!on)
				end_schedule(s, m);
		}
	}
	for (unsigned i = k->from; i < k->n; i++)
		unpin(k, i);
}

/* The messages of the page that are in no list any more: unlink each, sync
 * once, say what became of them.  Lock not held. */
static void
discard_page(struct walk *k)
{
	struct err e = { 0 }, unsynced = { 0 }, again;

	for (unsigned i = 0; i < k->n; i++) {
		if (k->did[i] != SCHEDULER_DID)
			continue;
		struct spool_msg *m = k->page[i];
		if (spool_discard(k->s->o.spool, m, &e) == 0)
			continue;
		k->did[i] = SCHEDULER_DID_FAIL;
		k->v->acted(k->v->ctx, m->id, k->did[i], &e);
		if (scheduler_add(k->s, &m, &again) != 0)
			spool_msg_free(&m); /* the next start finds it */
	}
	bool durable = spool_sync_removals(k->s->o.spool, &unsynced) == 0;
	if (!durable)
		(void)err_prefix(&unsynced,
				 "removed, but a crash may bring it back");
	for (unsigned i = 0; i < k->n; i++) {
		if (k->did[i] != SCHEDULER_DID)
			continue;
		struct spool_msg *m = k->page[i];
		log_event(LOG_WARN, "queue-removed", "id", m->id);
		k->v->acted(k->v->ctx, m->id,
			    durable ? SCHEDULER_DID : SCHEDULER_DID_FAIL,
			    &unsynced);
		spool_msg_free(&m);
	}
}

/* Out of everything; discard_page does the rest. */
static void
remove_slice(struct walk *k, bool only_scheduled)
{
	for (unsigned i = k->from; i < k->n; i++) {
		struct spool_msg *m = k->page[i];
		k->did[i] = is_busy(m) ? SCHEDULER_DID_BUSY
			    : only_scheduled && !is_scheduled(k, m)
				? SCHEDULER_DID_NONE
				: SCHEDULER_DID;
		if (k->did[i] != SCHEDULER_DID)
			continue;
		while (m->first_job != NULL)
			scheduler_drop_job(k->s, m->first_job);
		scheduler_unlink(k->s, m);
	}
}

static void
change(struct walk *k, enum scheduler_action a)
{
	switch (a) {
	case SCHEDULER_RETRY:
		retry(k);
		return;
	case SCHEDULER_HOLD:
		hold(k, true);
		return;
	case SCHEDULER_RELEASE:
		hold(k, false);
		return;
	case SCHEDULER_REMOVE:
		remove_slice(k, false);
		return;
	case SCHEDULER_CANCEL:
		remove_slice(k, true);
		return;
	}
}

/* ---- walks --------------------------------------------------------------
 */

static int
walk_new(struct walk **out, struct scheduler *s,
	 const struct scheduler_select *w, const struct scheduler_viewer *v,
	 struct err *e)
{
	struct walk *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "queue");
	k->s = s;
	k->w = w;
	k->v = v;
	*out = k;
	return 0;
}

static void
walk_end(struct walk *k)
{
	(void)pthread_mutex_lock(&k->s->lock);
	if (k->placed)
		scheduler_unlist(k->s, &k->bookmark);
	(void)pthread_mutex_unlock(&k->s->lock);
	free(k);
}

static int
next_page(const struct walk *k, struct err *e)
{
	return k->v->page(k->v->ctx) == 0
		   ? 0
		   : err_set(e, ERR_CLOSED, 0, "nobody reads the answer");
}

int
scheduler_list(struct scheduler *s, const struct scheduler_select *w,
	       const struct scheduler_viewer *v, struct err *e)
{
	struct walk *k = NULL;
	int rc = 0;

	if (walk_new(&k, s, w, v, e) != 0)
		return -1;
	while (rc == 0 && !k->over) {
		k->n = 0;
		(void)pthread_mutex_lock(&s->lock);
		gather(k);
		look(k);
		(void)pthread_mutex_unlock(&s->lock);
		rc = next_page(k, e);
	}
	walk_end(k);
	return rc;
}

/* One slice; those that are removed become a page, for one sync. */
static void
act_on_page(struct walk *k, enum scheduler_action a)
{
	bool removes = a == SCHEDULER_REMOVE || a == SCHEDULER_CANCEL;

	k->n = 0;
	do {
		(void)pthread_mutex_lock(&k->s->lock);
		gather(k);
		change(k, a);
		(void)pthread_mutex_unlock(&k->s->lock);
	} while (removes && !k->over && k->n + SLICE <= PAGE);
	if (removes)
		discard_page(k);
}

int
scheduler_act(struct scheduler *s, enum scheduler_action a,
	      const struct scheduler_select *w,
	      const struct scheduler_viewer *v, struct err *e)
{
	bool holds = a == SCHEDULER_HOLD || a == SCHEDULER_RELEASE;
	struct walk *k = NULL;
	int rc = 0;

	if (walk_new(&k, s, w, v, e) != 0)
		return -1;
	(void)pthread_mutex_lock(&s->admin);
	while (rc == 0 && !k->over) {
		act_on_page(k, a);
		for (unsigned i = 0; i < k->n; i++) {
			if (a == SCHEDULER_RETRY ||
			    k->did[i] == SCHEDULER_DID_BUSY ||
			    (!holds && k->did[i] == SCHEDULER_DID_NONE))
				v->acted(v->ctx, k->id[i], k->did[i], NULL);
		}
		rc = next_page(k, e);
	}
	(void)pthread_mutex_unlock(&s->admin);
	walk_end(k);
	return rc;
}

bool
scheduler_destination_get(struct scheduler *s, const char *key,
			  struct scheduler_destination *out)
{
	*out = (struct scheduler_destination){ 0 };
	(void)pthread_mutex_lock(&s->lock);
	const struct scheduler_dest *d = scheduler_dest_find(&s->dests, key);
	if (d != NULL) {
		int64_t wait_ms = d->not_before_ms - scheduler_now_ms(s);
		out->waiting = (unsigned)scheduler_dest_waiting(d);
		out->active = (unsigned)d->active;
		out->failures = d->failures;
		out->again_in_ms = d->failures > 0 && wait_ms > 0 ? wait_ms : 0;
		if (d->failures > 0)
			(void)snprintf(out->why, sizeof(out->why), "%s",
				       scheduler_dest_why(d));
	}
	(void)pthread_mutex_unlock(&s->lock);
	return d != NULL;
}
