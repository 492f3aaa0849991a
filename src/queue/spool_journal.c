/*
 * A message in the journal.  The record ENQUEUE holds what its file would, and
 * is durable when the client hears 250; from then on deliveries read the text
 * from memory.  What becomes of the recipients is appended without waiting: a
 * record that a crash loses means one more try, never a loss, and a receiver
 * that knows the message by its delivery id takes it once.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "queue/spool_private.h"

void
spool_journal_drop(struct spool_entry *x)
{
	if (--x->refs > 0)
		return;
	atomic_fetch_sub(&x->spool->memory, x->bytes.cap);
	buf_free(&x->bytes);
	buf_free(&x->results);
	free(x);
}

void
spool_journal_unlink(struct spool *s, struct spool_entry *x)
{
	if (x->prev != NULL)
		x->prev->next = x->next;
	else
		s->first = x->next;
	if (x->next != NULL)
		x->next->prev = x->prev;
	else
		s->last = x->prev;
	spool_journal_drop(x);
}

void
spool_entry_release(struct spool_entry *x)
{
	struct spool *s;

	if (x == NULL)
		return;
	s = x->spool;
	(void)pthread_mutex_lock(&s->lock);
	spool_journal_drop(x);
	(void)pthread_mutex_unlock(&s->lock);
}

/* ---- in -----------------------------------------------------------------
 */

/* On the list before its record is made: a release never passes it. */
static struct spool_entry *
enter(struct spool *s, const struct spool_msg *m)
{
	struct spool_entry *x = calloc(1, sizeof(*x));

	if (x == NULL)
		return NULL;
	x->spool = s;
	x->refs = 2; /* the list's, the message's */
	x->pending = true;
	x->since_ms = clock_mono_ms();
	memcpy(x->id, m->id, sizeof(x->id));
	buf_init(&x->bytes, 0);
	buf_init(&x->results, SIZE_MAX / 2);
	(void)pthread_mutex_lock(&s->lock);
	x->floor = journal_last(s->journal);
	x->prev = s->last;
	if (s->last != NULL)
		s->last->next = x;
	else
		s->first = x;
	s->last = x;
	(void)pthread_mutex_unlock(&s->lock);
	return x;
}

/* It never came in: off the list. */
static void
leave(struct spool *s, struct spool_entry *x)
{
	(void)pthread_mutex_lock(&s->lock);
	x->refs = 1; /* the list's: no message has come to refer to it */
	spool_journal_unlink(s, x);
	(void)pthread_mutex_unlock(&s->lock);
}

static void
press(struct spool *s)
{
	(void)pthread_mutex_lock(&s->lock);
	s->pressed = true;
	(void)pthread_cond_signal(&s->wanted);
	(void)pthread_mutex_unlock(&s->lock);
}

/* Memory for the text alone: the rest of a growing buffer goes back. */
static void
trim(struct buf *b)
{
	char *p = b->cap > b->n ? realloc(b->p, b->n) : NULL;

	if (p != NULL) {
		b->p = p;
		b->cap = b->n;
	}
}

int
spool_journal_commit(struct spool *s, struct spool_msg *m, struct buf *bytes,
		     struct err *e)
{
	struct span part = buf_span(bytes);
	struct spool_entry *x = enter(s, m);
	uint64_t seq;

	if (x == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "queue");
	if (journal_append(s->journal, SPOOL_RECORD_ENQUEUE, &part, 1, &seq,
			   e) != 0) {
		leave(s, x);
		press(s); /* room comes back from a checkpoint */
		return 1;
	}
	if (journal_sync(s->journal, seq, e) != 0) {
		leave(s, x);
		return -1;
	}
	size_t cap = bytes->cap;
	trim(bytes);
	(void)pthread_mutex_lock(&s->lock);
	x->bytes = *bytes; /* the charge for it goes along */
	x->pending = false;
	bool was_idle = s->first == x && s->last == x;
	atomic_fetch_sub(&s->memory, cap - bytes->cap);
	if (was_idle || atomic_load(&s->memory) > s->o.memory_max / 4 * 3) {
		s->pressed = s->pressed || !was_idle;
		(void)pthread_cond_signal(&s->wanted);
	}
	(void)pthread_mutex_unlock(&s->lock);
	*bytes = (struct buf){ .max = bytes->max };
	m->entry = x;
	return 0;
}

int
spool_journal_keep(struct spool *s, struct spool_msg *m, struct buf *bytes,
		   struct span results, struct err *e)
{
	struct spool_entry *x = enter(s, m);

	if (x == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "queue");
	if (buf_add_span(&x->results, results) != 0) {
		leave(s, x);
		return err_set(e, ERR_TEMP, errno, "queue");
	}
	bytes->n -= results.n;
	trim(bytes);
	(void)pthread_mutex_lock(&s->lock);
	x->floor = 0;
	x->pending = false;
	x->bytes = *bytes;
	atomic_fetch_add(&s->memory, x->bytes.cap);
	(void)pthread_mutex_unlock(&s->lock);
	*bytes = (struct buf){ .max = bytes->max };
	m->entry = x;
	return 0;
}

/* ---- text ---------------------------------------------------------------
 */

bool
spool_journal_hold(struct spool_entry *x, struct span *bytes)
{
	struct spool *s = x->spool;

	(void)pthread_mutex_lock(&s->lock);
	bool here = !x->in_file;
	if (here) {
		x->refs++;
		x->readers++;
		*bytes = buf_span(&x->bytes);
	}
	(void)pthread_mutex_unlock(&s->lock);
	return here;
}

void
spool_journal_drop_reader(struct spool_entry *x)
{
	struct spool *s = x->spool;

	(void)pthread_mutex_lock(&s->lock);
	x->readers--;
	if (x->in_file && x->readers == 0) {
		atomic_fetch_sub(&s->memory, x->bytes.cap);
		buf_free(&x->bytes);
	}
	spool_journal_drop(x);
	(void)pthread_mutex_unlock(&s->lock);
}

/* ---- out ----------------------------------------------------------------
 */

/* A record about message `id`; *seq is its number. */
static int
append(struct spool *s, enum spool_record type, const char *id,
       struct span lines, uint64_t *seq, struct err *e)
{
	const struct span parts[] = { span_of(id), lines };

	if (journal_append(s->journal, type, parts, 2, seq, e) == 0)
		return 0;
	press(s);
	return -1;
}

/* One that nobody waits for. */
static void
append_later(struct spool *s, enum spool_record type, const char *id,
	     struct span lines)
{
	struct err e;
	uint64_t seq;

	if (append(s, type, id, lines, &seq, &e) != 0) {
		/* In memory it is known; after a crash it is tried again. */
		log_failure(LOG_ERROR, "queue-record-not-stored", "id", id, &e);
		return;
	}
	(void)pthread_mutex_lock(&s->lock);
	if (!s->unsynced) {
		s->unsynced = true;
		(void)pthread_cond_signal(&s->wanted);
	}
	(void)pthread_mutex_unlock(&s->lock);
}

int
spool_journal_flush(struct spool *s, struct err *e)
{
	return journal_sync(s->journal, journal_last(s->journal), e);
}

static bool
is_in_file(struct spool *s, const struct spool_entry *x)
{
	(void)pthread_mutex_lock(&s->lock);
	bool in_file = x->in_file;
	(void)pthread_mutex_unlock(&s->lock);
	return in_file;
}

/*
 * First the journal, then the lines that a checkpoint puts in the file: what
 * could not be recorded is in neither.  Got its file meanwhile: the caller adds
 * the lines there, and what the journal has besides says the same.
 */
int
spool_journal_results(struct spool *s, struct spool_entry *x, struct span lines,
		      bool sync, struct err *e)
{
	uint64_t seq;
	int rc = 0;

	if (is_in_file(s, x))
		return 1;
	if (!sync)
		append_later(s, SPOOL_RECORD_RESULT, x->id, lines);
	else if (append(s, SPOOL_RECORD_RESULT, x->id, lines, &seq, e) != 0 ||
		 journal_sync(s->journal, seq, e) != 0)
		return -1;
	(void)pthread_mutex_lock(&s->lock);
	if (x->in_file)
		rc = 1;
	else if (buf_add_span(&x->results, lines) != 0)
		rc = err_set(e, ERR_TEMP, errno, "results of %s", x->id);
	(void)pthread_mutex_unlock(&s->lock);
	return rc;
}

/* No recipient waits any more; true when there is no file to remove. */
static bool
note_done(struct spool *s, struct spool_entry *x)
{
	(void)pthread_mutex_lock(&s->lock);
	bool no_file = !x->in_file;
	if (no_file && !x->done) {
		x->done = true;
		/* A checkpoint that has it in hand removes the file itself. */
		if (!x->spooling)
			spool_journal_unlink(s, x);
	}
	(void)pthread_mutex_unlock(&s->lock);
	return no_file;
}

bool
spool_journal_done(struct spool *s, struct spool_entry *x)
{
	append_later(s, SPOOL_RECORD_DONE, x->id, span_make("", 0));
	return note_done(s, x);
}

int
spool_journal_discard(struct spool *s, struct spool_entry *x, struct err *e)
{
	uint64_t seq;

	if (append(s, SPOOL_RECORD_DONE, x->id, span_make("", 0), &seq, e) != 0)
		return -1;
	return note_done(s, x) ? 0 : 1;
}
