#include "queue/scheduler_admin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "queue/scheduler_private.h"

enum {
	EXAMINED = 8192,  /* messages looked at under one lock */
	LIST_PAGE = 4096, /* copied; each page looks at all attempts */
	HOLD_PAGE = 256,  /* changed with a sync for each */
};

/* One walk.  The place in the list is kept by a node of its own, a bookmark:
 * a message without recipients, which every other walk passes by. */
struct walk {
	struct scheduler *s;
	const struct scheduler_select *w;
	const struct scheduler_viewer *v;
	struct spool_msg bookmark;
	bool placed, over, changed;
	unsigned max; /* messages of a page */
	int64_t now_ms, wall_s;
	unsigned n;
	struct spool_msg *page[EXAMINED];
	enum scheduler_did did[EXAMINED];
	struct scheduler_item item[LIST_PAGE];
};

static bool
is_bookmark(const struct spool_msg *m)
{
	return m->n_recipients == 0;
}

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

	if (is_bookmark(m))
		return false;
	if (w->n_ids > 0 && bsearch(m->id, w->ids, w->n_ids, sizeof(w->ids[0]),
				    compare_ids) == NULL)
		return false;
	if (k->wall_s - m->arrival_s < w->older_than_s)
		return false;
	if (w->sender != NULL && !sender_is(m, w->sender))
		return false;
	if (w->login != NULL &&
	    (m->login == NULL || strcmp(m->login, w->login) != 0))
		return false;
	return recipients_match(k->s, m, w);
}

/* The next page into k->page, each message with its number as a mark. */
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
	k->n = 0;
	k->now_ms = scheduler_now_ms(s);
	k->wall_s = scheduler_wall_s(s);
	for (; m != NULL && k->n < k->max && seen++ < EXAMINED; m = m->next) {
		last = m;
		if (!is_chosen(k, m))
			continue;
		k->page[k->n++] = m;
		m->mark = k->n;
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

static void
clear_marks(struct walk *k)
{
	for (unsigned i = 0; i < k->n; i++)
		k->page[i]->mark = 0;
}

/* ---- looking (lock held) ------------------------------------------------
 */

static void
note_job(void *ctx, struct scheduler_job *j)
{
	struct walk *k = ctx;

	if (j->m->mark == 0)
		return;
	struct scheduler_item *i = &k->item[j->m->mark - 1];
	int64_t in_ms = j->retry_ms > k->now_ms ? j->retry_ms - k->now_ms : 0;
	if (i->due_in_ms >= 0 && in_ms >= i->due_in_ms)
		return;
	i->due_in_ms = in_ms;
	i->attempts = j->attempts;
	i->destination = j->d->key;
	i->why = j->d->failures > 0 ? j->d->why : "";
}

static bool
is_scheduled(const struct walk *k, const struct spool_msg *m)
{
	return m->release_s > k->wall_s;
}

static void
look(struct walk *k)
{
	for (unsigned i = 0; i < k->n; i++)
		k->item[i] = (struct scheduler_item){
			.m = k->page[i],
			.age_s = k->wall_s - k->page[i]->arrival_s,
			.due_in_ms = -1,
			.scheduled = is_scheduled(k, k->page[i]),
			.destination = "",
			.why = "",
		};
	for (struct scheduler_dest *d = k->s->dests.first;
	     d != NULL && k->n > 0; d = d->next)
		scheduler_dest_each(d, note_job, k);
	for (unsigned i = 0; i < k->n; i++)
		k->v->item(k->v->ctx, &k->item[i]);
}

/* ---- changing -----------------------------------------------------------
 * Each takes the lock held, may let it go for the disk, and returns with it
 * held and without marks.
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

/* Everything marked, out of the heaps. */
static struct scheduler_job *
take_marked(struct scheduler *s)
{
	struct scheduler_job *list = NULL;

	for (struct scheduler_dest *d = s->dests.first; d != NULL; d = d->next)
		scheduler_dest_take_marked(d, &list);
	return list;
}

/* What waited for the release of m is due now.  Its first attempt after it
 * counts as the first: what was held for long is tried before it expires. */
static void
unpark(struct scheduler *s, struct spool_msg *m)
{
	struct scheduler_job *list = m->parked, *left = NULL;
	bool scheduled = m->release_s > scheduler_wall_s(s);

	m->parked = NULL;
	while (list != NULL) {
		struct scheduler_job *j = list;
		list = j->next;
		struct scheduler_job_start start = {
			.due_ms = scheduler_now_ms(s),
			.warn_ms = j->warn_ms,
			.expires_ms = j->expires_ms,
			.release_ms = scheduled ? j->release_ms : 0,
			.manual = true,
		};
		j->n = scheduler_make_jobs(s, m, j->recipients, j->n, &start);
		if (j->n > 0) { /* out of memory: stays here */
			j->next = left;
			left = j;
			continue;
		}
		free(j);
		m->jobs--;
	}
	m->parked = left;
	scheduler_wake_all(s);
}

static void
make_due(void *ctx, struct scheduler_job *j)
{
	struct walk *k = ctx;

	if (j->m->mark == 0 || j->release_ms > k->now_ms)
		return;
	if (!j->manual)
		j->planned_ms = j->retry_ms;
	j->manual = true;
	j->retry_ms = k->now_ms;
	scheduler_job_plan(j, k->now_ms);
	k->changed = true;
	k->did[j->m->mark - 1] = SCHEDULER_DID;
}

static void
retry(struct walk *k)
{
	for (unsigned i = 0; i < k->n; i++)
		k->did[i] = k->page[i]->held ? SCHEDULER_DID_HELD
			    : is_scheduled(k, k->page[i])
				? SCHEDULER_DID_SCHEDULED
				: SCHEDULER_DID_BUSY;
	for (struct scheduler_dest *d = k->s->dests.first; d != NULL;
	     d = d->next) {
		k->changed = false;
		scheduler_dest_each(d, make_due, k);
		if (k->changed)
			scheduler_dest_reorder(d);
	}
	scheduler_wake_all(k->s);
	clear_marks(k);
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

/* The page's messages that were released from their time: due now. */
static void
end_schedule(struct walk *k)
{
	struct scheduler *s = k->s;
	struct scheduler_job *list = take_marked(s);
	int64_t now_ms = scheduler_now_ms(s);

	while (list != NULL) {
		struct scheduler_job *j = list;
		list = j->next;
		if (j->release_ms > now_ms) {
			j->retry_ms = now_ms;
			j->manual = true;
			j->planned_ms = j->d->not_before_ms;
			j->release_ms = 0;
		}
		scheduler_job_plan(j, now_ms);
		scheduler_place(j->d, j);
	}
	clear_marks(k);
	scheduler_wake_all(s);
}

/* Hold or release: those of the page that are not so yet. */
static void
hold(struct walk *k, bool on)
{
	struct scheduler *s = k->s;
	struct scheduler_job *list = NULL;

	for (unsigned i = 0; i < k->n; i++) {
		struct spool_msg *m = k->page[i];
		bool to_do = m->held != on || (!on && is_scheduled(k, m));
		k->did[i] = to_do ? SCHEDULER_DID
			    : on  ? SCHEDULER_DID_HELD
				  : SCHEDULER_DID_NONE;
		m->jobs++;
		if (k->did[i] != SCHEDULER_DID)
			m->mark = 0;
		else if (on)
			m->held = true;
	}
	/* no delivery begins while the record is written */
	if (on)
		list = take_marked(s);
	while (list != NULL) {
		struct scheduler_job *j = list;
		list = j->next;
		scheduler_place(j->d, j);
	}
	scheduler_dest_sweep(&s->dests, scheduler_now_ms(s));
	clear_marks(k);
	(void)pthread_mutex_unlock(&s->lock);
	for (unsigned i = 0; i < k->n; i++) {
		if (k->did[i] == SCHEDULER_DID)
			record_hold(k, i, on);
		else
			k->v->acted(k->v->ctx, k->page[i]->id, k->did[i], NULL);
	}
	(void)pthread_mutex_lock(&s->lock);
	for (unsigned i = 0; i < k->n; i++) {
		if ((on && k->did[i] == SCHEDULER_DID_FAIL) ||
		    (!on && k->did[i] == SCHEDULER_DID)) {
			k->page[i]->held = false;
			k->page[i]->mark = on ? 0 : i + 1;
			if (!on && is_scheduled(k, k->page[i]))
				k->page[i]->release_s = k->wall_s;
			unpark(s, k->page[i]);
		}
	}
	if (!on)
		end_schedule(k);
	for (unsigned i = 0; i < k->n; i++)
		unpin(k, i);
}

static void
free_jobs(struct scheduler_job *list)
{
	while (list != NULL) {
		struct scheduler_job *j = list;
		list = j->next;
		j->m->jobs--;
		free(j);
	}
}

/* The messages of the page that are in no list any more: unlink each, sync
 * once, say what became of them. */
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

static void
remove_page(struct walk *k, bool only_scheduled)
{
	struct scheduler *s = k->s;

	for (unsigned i = 0; i < k->n; i++) {
		const struct spool_msg *m = k->page[i];
		k->did[i] = is_busy(m) ? SCHEDULER_DID_BUSY
			    : only_scheduled && !is_scheduled(k, m)
				? SCHEDULER_DID_NONE
				: SCHEDULER_DID;
		if (k->did[i] != SCHEDULER_DID)
			k->page[i]->mark = 0;
	}
	free_jobs(take_marked(s));
	scheduler_dest_sweep(&s->dests, scheduler_now_ms(s));
	clear_marks(k);
	for (unsigned i = 0; i < k->n; i++) {
		struct spool_msg *m = k->page[i];
		if (k->did[i] != SCHEDULER_DID)
			continue;
		free_jobs(m->parked);
		m->parked = NULL;
		scheduler_unlink(s, m);
	}
	(void)pthread_mutex_unlock(&s->lock);
	/* a busy one may be gone by now */
	discard_page(k);
	(void)pthread_mutex_lock(&s->lock);
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
		remove_page(k, false);
		return;
	case SCHEDULER_CANCEL:
		remove_page(k, true);
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
	k->max = LIST_PAGE;
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
		(void)pthread_mutex_lock(&s->lock);
		gather(k);
		look(k);
		clear_marks(k);
		(void)pthread_mutex_unlock(&s->lock);
		rc = next_page(k, e);
	}
	walk_end(k);
	return rc;
}

int
scheduler_act(struct scheduler *s, enum scheduler_action a,
	      const struct scheduler_select *w,
	      const struct scheduler_viewer *v, struct err *e)
{
	char(*ids)[RAND_ID_SIZE] = calloc(EXAMINED, sizeof(*ids));
	struct walk *k = NULL;
	int rc = 0;

	if (ids == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "queue");
	if (walk_new(&k, s, w, v, e) != 0) {
		free(ids);
		return -1;
	}
	bool holds = a == SCHEDULER_HOLD || a == SCHEDULER_RELEASE;
	k->max = holds ? HOLD_PAGE : EXAMINED;
	(void)pthread_mutex_lock(&s->admin);
	while (rc == 0 && !k->over) {
		(void)pthread_mutex_lock(&s->lock);
		gather(k);
		for (unsigned i = 0; i < k->n; i++)
			memcpy(ids[i], k->page[i]->id, sizeof(ids[i]));
		unsigned n = k->n;
		change(k, a);
		(void)pthread_mutex_unlock(&s->lock);
		for (unsigned i = 0; i < n; i++) {
			if (a == SCHEDULER_RETRY ||
			    k->did[i] == SCHEDULER_DID_BUSY ||
			    (!holds && k->did[i] == SCHEDULER_DID_NONE))
				v->acted(v->ctx, ids[i], k->did[i], NULL);
		}
		rc = next_page(k, e);
	}
	(void)pthread_mutex_unlock(&s->admin);
	walk_end(k);
	free(ids);
	return rc;
}

bool
scheduler_destination_get(struct scheduler *s, const char *key,
			  struct scheduler_destination *out)
{
	bool found = false;

	*out = (struct scheduler_destination){ 0 };
	(void)pthread_mutex_lock(&s->lock);
	for (struct scheduler_dest *d = s->dests.first; d != NULL && !found;
	     d = d->next) {
		if (strcmp(d->key, key) != 0)
			continue;
		int64_t wait_ms = d->not_before_ms - scheduler_now_ms(s);
		found = true;
		out->waiting = (unsigned)(d->n + d->n_ready);
		out->active = (unsigned)d->active;
		out->failures = d->failures;
		out->again_in_ms = d->failures > 0 && wait_ms > 0 ? wait_ms : 0;
		if (d->failures > 0)
			(void)snprintf(out->why, sizeof(out->why), "%s",
				       d->why);
	}
	(void)pthread_mutex_unlock(&s->lock);
	return found;
}
