#include "store/ledger_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
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
	memcpy(a.boot, l->boot, sizeof(a.boot));
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

static int
gone(struct ledger *l, enum ledger_record_type type, const char *mailbox,
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

int
ledger_withdraw(struct ledger *l, struct ledger_entry *entry,
		const char *unique, bool clean, struct err *e)
{
	uint64_t seq;

	if (entry->seq == 0)
		return 0;
	int rc = gone(l, LEDGER_WITHDRAWN, "", unique, &seq, e);
	if (rc == 0)
		rc = journal_sync(l->journal, seq, e);
	if (rc != 0 || !clean) { /* a restart has to see it again */
		(void)pthread_mutex_lock(&l->lock);
		if (l->hold == 0 || entry->seq < l->hold)
			l->hold = entry->seq;
		(void)pthread_mutex_unlock(&l->lock);
	}
	ledger_placed(l, entry);
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
	if (gone(l, LEDGER_REMOVED, mailbox, text, &seq, e) != 0)
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

/* ---- checkpoints ----------------------------------------------------------
 */

/*
 * The file system could not write what it had taken.  Which files suffered is
 * not known, and a second sync may report success, so nothing is released any
 * more: the journal keeps the messages, and the next start looks into every
 * file.
 */
static int
doubt(struct ledger *l, int sys, struct err *e)
{
	struct span none = span_make("", 0);
	struct err ignored;
	uint64_t seq;

	(void)pthread_mutex_lock(&l->lock);
	l->hold = l->released + 1;
	(void)pthread_mutex_unlock(&l->lock);
	if (journal_append(l->journal, LEDGER_DOUBT, &none, 1, &seq,
			   &ignored) == 0)
		(void)journal_sync(l->journal, seq, &ignored);
	return err_set(e, ERR_TEMP, sys,
		       "mailboxes cannot be synced; the journal keeps what it "
		       "has until the next start");
}

static int
checkpoint(struct ledger *l, struct err *e)
{
	(void)pthread_mutex_lock(&l->lock);
	/* Every record before the oldest unplaced one has all its files. */
	uint64_t upto = l->oldest != NULL      ? l->oldest->seq - 1
			: l->removed > l->last ? l->removed
					       : l->last;
	if (l->hold != 0 && upto >= l->hold)
		upto = l->hold - 1;
	size_t fresh = l->fresh;
	/* what is being placed now is news for the next one */
	l->fresh = l->oldest != NULL ? 1 : 0;
	bool news = upto > l->released;
	(void)pthread_mutex_unlock(&l->lock);
	if (news && syncfs(maildir_tree_root(l->o.tree)) != 0)
		return doubt(l, errno, e);
	/* The pairs of what is released were kept before it was placed. */
	int rc = ids_flush(l->ids, e);
	if (rc == 0 && news && journal_release(l->journal, upto) != 0)
		rc = err_set(e, ERR_TEMP, 0, "the journal is not released");
	(void)pthread_mutex_lock(&l->lock);
	if (rc != 0) /* again, and no later than before */
		l->fresh += fresh + 1;
	else if (news)
		l->released = upto;
	(void)pthread_mutex_unlock(&l->lock);
	return rc;
}

int
ledger_checkpoint(struct ledger *l, struct err *e)
{
	(void)pthread_mutex_lock(&l->checkpointing);
	int rc = checkpoint(l, e);
	(void)pthread_mutex_unlock(&l->checkpointing);
	return rc;
}

/* Wait for enough bytes, or for the time to be up; false: stop. */
static bool
wait_for_work(struct ledger *l, bool failed)
{
	int64_t until = clock_mono_ms() + l->o.checkpoint_ms;
	bool late = false;

	(void)pthread_mutex_lock(&l->lock);
	while (!l->stop && !late &&
	       (failed || l->fresh < l->o.checkpoint_bytes)) {
		late = cond_wait_until(&l->wake, &l->lock, until) != 0;
		if (late && l->fresh == 0) { /* no news */
			late = false;
			until = clock_mono_ms() + l->o.checkpoint_ms;
		}
	}
	bool go = !l->stop;
	(void)pthread_mutex_unlock(&l->lock);
	return go;
}

static void
checkpoints(void *arg)
{
	struct ledger *l = arg;
	bool failed = false;
	struct err e;

	while (wait_for_work(l, failed)) {
		failed = ledger_checkpoint(l, &e) != 0;
		if (failed)
			log_failure(LOG_ERROR, "checkpoint-failed", NULL, NULL,
				    &e);
	}
}

/* ---- open and close -------------------------------------------------------
 */

/* Which run of the system this is: a new one has lost what was not synced. */
static void
read_boot(char boot[LEDGER_BOOT_BYTES])
{
	char *text = NULL;
	size_t n = 0, digits = 0;
	struct err ignored;

	memset(boot, 0, LEDGER_BOOT_BYTES);
	int dir =
	    open("/proc/sys/kernel/random", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 ||
	    durable_read_file(dir, "boot_id", 100, &text, &n, &ignored) != 0)
		n = 0;
	for (size_t i = 0; i < n && digits < 2 * LEDGER_BOOT_BYTES; i++) {
		if (text[i] == '-' || text[i] == '\n')
			continue;
		int v = span_is_digit(text[i]) ? text[i] - '0'
					       : (text[i] | 32) - 'a' + 10;
		boot[digits / 2] =
		    (char)((unsigned char)boot[digits / 2] << 4 | (v & 15));
		digits++;
	}
	free(text);
	if (dir >= 0)
		(void)close(dir);
}

static int
open_parts(struct ledger *l, struct ledger_report *report, struct err *e)
{
	struct ids_options ids = { .max = IDS_MAX, .days = l->o.id_days };
	struct journal_options o = {
		.segment_bytes =
		    l->o.keeps_messages ? SEGMENT_BYTES : SEGMENT_BYTES_IDS,
		.segments_max = SEGMENTS_MAX,
		.group_max_bytes =
		    l->o.keeps_messages ? GROUP_BYTES : SEGMENT_BYTES_IDS,
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
	if (thread_start_joinable(&l->thread, checkpoints, l, e) != 0)
		return -1;
	l->has_thread = true;
	return 0;
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
	cond_init_mono(&l->wake);
	read_boot(l->boot);
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
	if (l->has_thread) {
		(void)pthread_mutex_lock(&l->lock);
		l->stop = true;
		(void)pthread_cond_signal(&l->wake);
		(void)pthread_mutex_unlock(&l->lock);
		(void)pthread_join(l->thread, NULL);
		if (ledger_checkpoint(l, &e) != 0)
			log_failure(LOG_ERROR, "checkpoint-failed", NULL, NULL,
				    &e);
	}
	if (journal_close(&l->journal, &e) != 0)
		log_failure(LOG_ERROR, "journal-close-failed", NULL, NULL, &e);
	ids_free(&l->ids);
	if (l->journal_dir >= 0)
		(void)close(l->journal_dir);
	if (l->ids_dir >= 0)
		(void)close(l->ids_dir);
	(void)pthread_cond_destroy(&l->wake);
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
