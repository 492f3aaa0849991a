#include "store/ledger_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/durable.h"
#include "base/log.h"
#include "base/thread.h"

enum {
	SEGMENT_BYTES = 8 * 1024 * 1024,
	SEGMENT_BYTES_IDS = 256 * 1024, /* no messages in it */
	SEGMENTS_MAX = 64,
	GROUP_BYTES = 4 * 1024 * 1024,
	GONE_MAX = 2 * LEDGER_MAILBOX_SIZE,
};

/* ---- entering -------------------------------------------------------------
 */

static int
too_long(struct err *e)
{
	return errno == ENOMEM
		   ? err_set(e, ERR_TEMP, ENOMEM, "ledger")
		   : err_set(e, ERR_LIMIT, 0, "too many recipients at once");
}

/* The order of numbers is the order of the list. */
static int
append(struct ledger *l, struct ledger_entry *entry, struct span head,
       struct span bytes, struct err *e)
{
	struct span parts[] = { head, bytes };

	(void)pthread_mutex_lock(&l->lock);
	int rc =
	    journal_append(l->journal, LEDGER_ACCEPT, parts, 2, &entry->seq, e);
	if (rc == 0) {
		l->last = entry->seq;
		entry->next = NULL;
		entry->prev = l->newest;
		*(l->newest == NULL ? &l->oldest : &l->newest->next) = entry;
		l->newest = entry;
		entry->size = head.n + bytes.n;
		l->fresh += entry->size;
		if (l->fresh >= l->o.checkpoint_bytes &&
		    l->fresh - entry->size < l->o.checkpoint_bytes)
			(void)pthread_cond_signal(&l->wake);
	} else {
		entry->seq = 0;
	}
	(void)pthread_mutex_unlock(&l->lock);
	return rc;
}

void
ledger_placed(struct ledger *l, struct ledger_entry *entry)
{
	if (entry->seq == 0)
		return;
	(void)pthread_mutex_lock(&l->lock);
	*(entry->prev == NULL ? &l->oldest : &entry->prev->next) = entry->next;
	*(entry->next == NULL ? &l->newest : &entry->next->prev) = entry->prev;
	(void)pthread_mutex_unlock(&l->lock);
	entry->seq = 0;
}

int
ledger_accept(struct ledger *l, struct ledger_entry *entry,
	      const struct ledger_message *m, struct err *e)
{
	struct ledger_accept a = { .id = span_of(m->id),
				   .name = span_of(m->name),
				   .holder = span_of(m->holder),
				   .size = m->size,
				   .has_bytes = m->has_bytes };
	struct span bytes = m->has_bytes ? m->bytes : span_make(NULL, 0);
	struct buf head;
	int rc = -1;

	buf_init(&head, LEDGER_HEAD_MAX);
	if (ledger_record_accept(&a, m->mailboxes, m->n_mailboxes, &head) !=
	    0) {
		(void)too_long(e);
		goto out;
	}
	if (append(l, entry, buf_span(&head), bytes, e) != 0)
		goto out;
	if (journal_sync(l->journal, entry->seq, e) != 0) {
		ledger_placed(l, entry);
		goto out;
	}
	rc = 0;
out:
	buf_free(&head);
	return rc;
}

int
ledger_gone(struct ledger *l, enum ledger_record_type type, const char *mailbox,
	    const char *unique, uint64_t *seq, struct err *e)
{
	struct buf record;
	struct span part;

	buf_init(&record, GONE_MAX);
	int rc = ledger_record_gone(mailbox, unique, &record);
	part = buf_span(&record);
	if (rc != 0)
		(void)too_long(e);
	else
		rc = journal_append(l->journal, (uint32_t)type, &part, 1, seq,
				    e);
	buf_free(&record);
	return rc;
}

/* Restore it no more, nor release anything, before it was looked at again. */
static void
hold(struct ledger *l, uint64_t seq, const char *untold)
{
	char *copy = untold == NULL ? NULL : strdup(untold);

	(void)pthread_mutex_lock(&l->lock);
	if (l->hold == 0 || seq < l->hold)
		l->hold = seq;
	l->fresh++; /* there is work for the next checkpoint */
	if (copy != NULL && l->n_untold < LEDGER_UNTOLD_MAX) {
		l->untold[l->n_untold++] = copy;
		copy = NULL;
	}
	(void)pthread_mutex_unlock(&l->lock);
	free(copy);
}

int
ledger_withdraw(struct ledger *l, const struct ledger_entry *entry,
		const char *unique, bool clean, struct err *e)
{
	uint64_t seq;

	if (entry->seq == 0)
		return 0;
	int rc = ledger_gone(l, LEDGER_WITHDRAWN, "", unique, &seq, e);
	if (rc == 0)
		rc = journal_sync(l->journal, seq, e);
	if (rc != 0 || !clean)
		hold(l, entry->seq, rc != 0 ? unique : NULL);
	return rc;
}

int
ledger_removed(struct ledger *l, const char *mailbox, struct span unique,
	       struct err *e)
{
	char text[MAILDIR_NAME_SIZE];
	uint64_t seq;

	(void)pthread_mutex_lock(&l->lock);
	bool named = l->last > l->released;
	(void)pthread_mutex_unlock(&l->lock);
	/* No message in the journal: none that could come back. */
	if (!named || span_copy(unique, text, sizeof(text)) != 0)
		return 0;
	if (ledger_gone(l, LEDGER_REMOVED, mailbox, text, &seq, e) != 0)
		return -1;
	(void)pthread_mutex_lock(&l->lock);
	if (seq > l->removed)
		l->removed = seq;
	l->fresh += GONE_MAX / 8;
	(void)pthread_mutex_unlock(&l->lock);
	return 0;
}

int
ledger_sync(struct ledger *l, struct err *e)
{
	(void)pthread_mutex_lock(&l->lock);
	uint64_t seq = l->removed > l->released ? l->removed : 0;
	(void)pthread_mutex_unlock(&l->lock);
	return seq == 0 ? 0 : journal_sync(l->journal, seq, e);
}

/* ---- open and close -------------------------------------------------------
 */

static int
open_parts(struct ledger *l, struct ledger_report *report, struct err *e)
{
	struct ids_options ids = { .max = l->o.ids_max,
				   .days = l->o.id_days,
				   .owner = maildir_mailbox_owner };
	struct journal_options o = {
		.segment_bytes =
		    l->o.keeps_messages ? SEGMENT_BYTES : SEGMENT_BYTES_IDS,
		.segments_max = SEGMENTS_MAX,
		.group_max_bytes =
		    l->o.keeps_messages ? GROUP_BYTES : SEGMENT_BYTES_IDS,
		.retry_ms = l->o.retry_ms,
	};

	l->journal_dir = durable_open_dir(l->o.dirfd, "journal", 1, e);
	if (l->journal_dir < 0)
		return -1;
	l->ids_dir = durable_open_dir(l->o.dirfd, "ids", 1, e);
	if (l->ids_dir < 0)
		return -1;
	ids.dirfd = l->ids_dir;
	o.dirfd = l->journal_dir;
	if (ids_open(&l->ids, &ids, e) != 0 ||
	    ledger_recover(l, &o, report, e) != 0)
		return -1;
	return ledger_checkpoint_start(l, e);
}

/* Who restores files must get its turn however many sessions there are. */
static void
init_names(pthread_rwlock_t *names)
{
	pthread_rwlockattr_t a;

	(void)pthread_rwlockattr_init(&a);
	(void)pthread_rwlockattr_setkind_np(
	    &a, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	(void)pthread_rwlock_init(names, &a);
	(void)pthread_rwlockattr_destroy(&a);
}

void
ledger_names_begin(struct ledger *l)
{
	(void)pthread_rwlock_rdlock(&l->names);
}

void
ledger_names_end(struct ledger *l)
{
	(void)pthread_rwlock_unlock(&l->names);
}

int
ledger_open(struct ledger **out, const struct ledger_options *o,
	    struct ledger_report *report, struct err *e)
{
	struct ledger *l = calloc(1, sizeof(*l));

	*report = (struct ledger_report){ 0 };
	if (l == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "ledger");
	l->o = *o;
	l->journal_dir = l->ids_dir = -1;
	mutex_init_short(&l->lock);
	(void)pthread_mutex_init(&l->checkpointing, NULL);
	init_names(&l->names);
	cond_init_mono(&l->wake);
	if (open_parts(l, report, e) != 0) {
		ledger_close(&l);
		return -1;
	}
	*out = l;
	return 0;
}

void
ledger_close(struct ledger **out)
{
	struct ledger *l = *out;
	struct err e;

	if (l == NULL)
		return;
	ledger_checkpoint_stop(l);
	if (journal_close(&l->journal, &e) != 0)
		log_failure(LOG_ERROR, "journal-close-failed", NULL, NULL, &e);
	ids_free(&l->ids);
	if (l->journal_dir >= 0)
		(void)close(l->journal_dir);
	if (l->ids_dir >= 0)
		(void)close(l->ids_dir);
	while (l->n_untold > 0)
		free(l->untold[--l->n_untold]);
	(void)pthread_cond_destroy(&l->wake);
	(void)pthread_rwlock_destroy(&l->names);
	(void)pthread_mutex_destroy(&l->lock);
	(void)pthread_mutex_destroy(&l->checkpointing);
	free(l);
	*out = NULL;
}

size_t
ledger_message_max(const struct ledger *l)
{
	return l->o.keeps_messages ? l->o.message_max : 0;
}

struct ids *
ledger_ids(struct ledger *l)
{
	return l->ids;
}
