#ifndef PP_QUEUE_SPOOL_PRIVATE_H
#define PP_QUEUE_SPOOL_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "journal/journal.h"
#include "queue/spool.h"

/*
 * Shared by the files of the spool: spool.c (directories, start, results),
 * spool_text.c (a message written and read), spool_journal.c (messages that
 * live in the journal and in memory), spool_checkpoint.c (which move from there
 * to files), spool_recover.c (what a journal holds at the start), spool_scan.c
 * (the files at the start).
 */

/* Types of our records in the journal (doc/formats.md). */
enum spool_record {
	SPOOL_RECORD_ENQUEUE = 1, /* what would be the file queue/msg/ID */
	SPOOL_RECORD_RESULT = 2,  /* the id, result lines */
	SPOOL_RECORD_DONE = 3,    /* the id */
	SPOOL_RECORD_START = 4,   /* nothing; makes the first segment ready */
};

/*
 * A message that came in through the journal.  Its text is in memory until a
 * checkpoint has put it in a file.  Referred to by its struct spool_msg, by the
 * list while the text is here, and by readers.  The spool's lock guards all but
 * the bytes, which do not change from commit to the last reference.
 */
struct spool_entry {
	struct spool *spool;
	struct spool_entry *prev, *next;
	uint64_t floor; /* its records have higher numbers */
	int64_t since_ms;
	struct buf bytes, results; /* the file so far: head and text; records */
	unsigned refs, readers;
	bool pending;  /* not yet durable */
	bool spooling; /* a checkpoint writes the file */
	bool done;     /* no recipient waits */
	bool in_file;
	char id[RAND_ID_SIZE];
};

/* Files that are to go as soon as the disk lets them (spool_stays.c). */
struct spool_stays {
	pthread_mutex_t lock;
	char (*ids)[RAND_ID_SIZE];
	size_t n, cap;
};

struct spool {
	int queue_fd, tmp_fd, msg_fd, damaged_fd, ids_fd;
	struct ids *ids;
	pthread_mutex_t flushing; /* one flush of ids at a time */
	pthread_mutex_t append;   /* one record at a time (no torn middle) */

	struct spool_options o;
	struct journal *journal; /* NULL: strict */
	int journal_fd;
	atomic_size_t memory; /* bytes of text held */

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t wanted;
	struct spool_entry *first, *last; /* by floor */
	bool pressed;                     /* a checkpoint now */
	bool unsynced; /* records were added that nobody waits for */
	bool stopping;
	bool has_thread;
	pthread_t thread;
	uint64_t released;
	struct spool_stays stays;
	struct spool_msg *kept; /* by the start, for spool_scan; no lock */
};

/* ---- spool.c ------------------------------------------------------------
 */

/* spool_append_file - records at the end of queue/msg/ID, synced on demand. */
int spool_append_file(struct spool *s, const char *id, struct span lines,
		      bool sync, struct err *e);

/* spool_keep_handed - m is safe: its hand-over is known from now on. */
void spool_keep_handed(struct spool *s, const struct spool_msg *m);

/* spool_flush_handed - and durable without m and without the journal. */
int spool_flush_handed(struct spool *s, struct err *e);

/* ---- spool_stays.c ------------------------------------------------------
 */

/* spool_stays_add - queue/msg/ID of a message that is done could not be
 * removed: said, and tried again by _retry, after a removal that worked, and by
 * _end, which frees the list. */
void spool_stays_add(struct spool *s, const char *id, const struct err *why);
void spool_stays_retry(struct spool *s);
void spool_stays_end(struct spool *s);

/* ---- spool_journal.c ----------------------------------------------------
 */

/*
 * spool_journal_commit - make the message durable whose file would be *bytes
 * (taken over when 0).  1: the journal cannot take it now, a file is to be
 * written; -1: the disk refused.
 */
int spool_journal_commit(struct spool *s, struct spool_msg *m,
			 struct buf *bytes, struct err *e);

/* spool_journal_keep - the same for one that is in the journal already, since
 * before anything that is released from now on: *bytes with the results at
 * their end. */
int spool_journal_keep(struct spool *s, struct spool_msg *m, struct buf *bytes,
		       struct span results, struct err *e);

/* spool_journal_results - 1 when the message is in a file: not done.  `sync`:
 * durable on return. */
int spool_journal_results(struct spool *s, struct spool_entry *x,
			  struct span lines, bool sync, struct err *e);

/* spool_journal_flush - everything appended so far is durable. */
int spool_journal_flush(struct spool *s, struct err *e);

/* spool_journal_done - its record; true when there is no file to remove. */
bool spool_journal_done(struct spool *s, struct spool_entry *x);

/* spool_journal_discard - the same with a record that must be: -1 when it could
 * not be made, and nothing has changed; 0: no file; 1: there is one. */
int spool_journal_discard(struct spool *s, struct spool_entry *x,
			  struct err *e);

/* spool_journal_hold - the whole text, until spool_journal_drop_reader; false:
 * it is in the file. */
bool spool_journal_hold(struct spool_entry *x, struct span *bytes);
void spool_journal_drop_reader(struct spool_entry *x);

/* spool_journal_unlink, spool_journal_drop - take it off the list; give back a
 * reference (lock held). */
void spool_journal_unlink(struct spool *s, struct spool_entry *x);
void spool_journal_drop(struct spool_entry *x);

/* ---- spool_checkpoint.c -------------------------------------------------
 */

int spool_checkpoint_start(struct spool *s, struct err *e);
void spool_checkpoint_stop(struct spool *s); /* with a last, full one */

/* ---- spool_recover.c ----------------------------------------------------
 */

/* spool_recover - open the journal; what it holds becomes files. */
int spool_recover(struct spool *s, int data_fd, struct err *e);

#endif
