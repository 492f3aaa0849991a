#ifndef PP_QUEUE_SPOOL_H
#define PP_QUEUE_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/rand.h"
#include "base/span.h"
#include "ids/ids.h"
#include "mail/dsn_param.h"

/*
 * spool - accepted mail on disk, one file a message, until every recipient is
 * done.  The format is in doc/formats.md, which states the file has when in
 * doc/durability.md.  In short:
 *
 *   queue/tmp/ID      being received; worth nothing; emptied at start
 *   queue/msg/ID      accepted: 250 may have been said
 *   queue/damaged/ID  set aside: not readable as a message
 *   journal/          accepted and not yet in a file (journal/journal.h)
 *
 * A message enters through spool_begin, spool_write ..., spool_commit, and is
 * durable when spool_commit returns 0: nothing above this interface knows how.
 * With a journal it is a record there and its text stays in memory, until a
 * checkpoint finds that it still waits and puts it in a file.
 *
 * Thread: any, for different messages; what is said otherwise, says so.
 */
struct spool;
struct spool_entry;

enum {
	SPOOL_RECIPIENTS_MAX = 1000,
	SPOOL_ENVELOPE_MAX = 1024 * 1024, /* bytes of the text of one */
	SPOOL_REPLY_MAX = 600,            /* bytes kept of a peer's reply */
	SPOOL_DELIVERY_SIZE = 33,         /* a delivery id, with its NUL */
	SPOOL_HANDED_MAX = 100000,        /* unless the options say otherwise */
	SPOOL_HANDED_DAYS = 7,
	SPOOL_SEGMENT_BYTES = 8 * 1024 * 1024, /* of the journal */
};

/* How the spool makes mail durable. */
struct spool_options {
	bool strict;          /* no journal; one that is there is emptied */
	size_t message_max;   /* larger ones get a file at once */
	size_t memory_max;    /* bytes of text held in memory */
	size_t journal_bytes; /* of all segments */
	size_t segment_bytes;
	int64_t checkpoint_ms; /* age at which a message gets its file */
	int64_t retry_ms;      /* of a journal without room (journal.h) */
	size_t handed_max;     /* ids of hand-overs (0: SPOOL_HANDED_MAX) */
};

enum spool_state { SPOOL_WAITING, SPOOL_DELIVERED, SPOOL_FAILED };

struct spool_rcpt {
	const char *address; /* local@domain as the client wrote it */
	const char *domain;  /* canonical: what is routed */
	char *reply;         /* last reply, "550 5.1.1 ..."; NULL: none yet */
	int64_t attempt_s;   /* when that was */
	enum spool_state state;
	bool busy;         /* the scheduler's: a worker has it */
	bool warned;       /* its sender knows that it is late */
	uint8_t notify;    /* enum dsn_notify; 0: the client did not say */
	const char *orcpt; /* "type;xtext" as the client wrote it, or NULL */
};

/* What its sender wants of the way to the next hop (RFC 8689). */
enum spool_tls {
	SPOOL_TLS_ANY,      /* as the route says */
	SPOOL_TLS_REQUIRED, /* REQUIRETLS: verified, to one that passes it on */
	SPOOL_TLS_OPTIONAL, /* "TLS-Required: No": rather unprotected than not
			     */
};

/* A queued message in memory: the envelope; the text stays on disk. */
struct spool_msg {
	char id[RAND_ID_SIZE];
	int64_t arrival_s;
	const char *reverse_path; /* as written; "" for the null path */
	bool eight_bit, smtputf8;
	bool held;           /* no delivery until released */
	enum dsn_ret ret;    /* RFC 3461 4.3 */
	const char *envid;   /* xtext as the client wrote it, or NULL */
	const char *login;   /* who handed it in, or NULL */
	const char *party;   /* of a report: whose mail it is about, or NULL */
	int64_t release_s;   /* no attempt before it; 0: none was asked for */
	const char *release; /* as it was asked for (mail/release.h), or NULL */
	enum spool_tls tls;
	/* by which a receiver of ours knows the message again: drawn by lot, in
	 * no header.  Zeros: an earlier version queued it */
	uint64_t delivery[2];
	const char *handed; /* id of its hand-over (see spool_ids), or NULL */
	int64_t size;       /* bytes of the message */
	int64_t message_at; /* its offset in the file */
	uint32_t message_crc;
	unsigned n_recipients;
	struct spool_rcpt *recipients;
	/* the scheduler's: its list, the message's jobs, and how many of them
	 * there are; who works on m without the lock counts as one */
	struct spool_msg *prev, *next;
	struct scheduler_job *first_job;
	unsigned jobs;
	struct scheduler_waiter *waiter; /* for its first attempt, or NULL */
	struct spool_entry *entry; /* the spool's: when it is in the journal */
};
void spool_msg_free(struct spool_msg **m); /* memory only */
/* spool_entry_release - the message's hold on its entry; NULL-safe. */
void spool_entry_release(struct spool_entry *x);

/*
 * spool_open - the spool below the data directory data_fd (kept open by the
 * caller): directories made, tmp/ emptied.
 */
int spool_open(struct spool **s, int data_fd, struct err *e);
/* spool_open_with - the same, not strict: journal/ is read and emptied into
 * files, then takes new mail. */
int spool_open_with(struct spool **s, int data_fd,
		    const struct spool_options *o, struct err *e);
void spool_free(struct spool **s);

/*
 * spool_scan - every message found at start, given to fn, which takes it over
 * (a failure of fn stops the scan), one at a time, but from several threads and
 * in no order.  A record cut off at the end of a file is
 * dropped, a file that is not a message is moved to damaged/; both are logged
 * with file, offset and reason, and neither is a failure.  Call once, before
 * anything else.
 */
int spool_scan(struct spool *s,
	       int (*fn)(void *ctx, struct spool_msg *m, struct err *e),
	       void *ctx, struct err *e);

/*
 * spool_ids - which hand-overs by programs of this machine were taken: pairs of
 * envelope.handed and a recipient as written.  What spool_commit makes durable
 * is kept there before it returns, and known until SPOOL_HANDED_DAYS later,
 * also after a crash.
 */
struct ids *spool_ids(struct spool *s);

/* spool_msg_party - whose share of the deliveries m takes: who handed it in, or
 * the sender it names; for a report those of the message it is about. */
const char *spool_msg_party(const struct spool_msg *m);

/* spool_delivery_id - as text; false: it has none. */
bool spool_delivery_id(const struct spool_msg *m, char id[SPOOL_DELIVERY_SIZE]);

/* ---- a message comes in -------------------------------------------------
 */
struct spool_to {
	const char *address, *domain;
	uint8_t notify;    /* enum dsn_notify, or 0 */
	const char *orcpt; /* or NULL */
};
struct spool_envelope {
	const char *id;
	int64_t arrival_s;
	const char *reverse_path;
	bool smtputf8;
	enum dsn_ret ret;
	const char *envid;   /* or NULL */
	const char *login;   /* or NULL */
	const char *party;   /* or NULL */
	int64_t release_s;   /* or 0 */
	const char *release; /* or NULL: when release_s is 0 */
	enum spool_tls tls;
	bool held;            /* no delivery until it is released by hand */
	const char *handed;   /* or NULL */
	uint64_t delivery[2]; /* spool_begin draws it */
	const struct spool_to *to;
	unsigned n_to; /* 1..SPOOL_RECIPIENTS_MAX */
};
struct spool_writer;

/* spool_begin - a new file in tmp/ (strings are copied). */
int spool_begin(struct spool_writer **w, struct spool *s,
		const struct spool_envelope *env, struct err *e);
/* spool_write - more bytes of the message. */
int spool_write(struct spool_writer *w, struct span bytes, struct err *e);
/* spool_commit - durable when 0, and *m is the message; on -1 nothing is left
 * of it.  Frees *w either way. */
int spool_commit(struct spool_writer **w, struct spool_msg **m, struct err *e);
/* spool_abort - remove it; NULL-safe. */
void spool_abort(struct spool_writer **w);

/* ---- a message is read --------------------------------------------------
 */
struct spool_reader;
int spool_read_open(struct spool_reader **r, struct spool *s,
		    const struct spool_msg *m, struct err *e);
/* spool_read - the next bytes: their number, 0 at the end, -1 with *e (PERM
 * when the file is not what was written: its checksum is compared before the
 * last piece is given out, so damage never reaches a peer as a message). */
long spool_read(struct spool_reader *r, char *p, size_t size, struct err *e);
void spool_read_close(struct spool_reader **r);

/* spool_read_header - the header block of the message, as much as *out may
 * hold, its empty line not included. */
int spool_read_header(struct spool *s, const struct spool_msg *m,
		      struct buf *out, struct err *e);

/* spool_read_all - the whole message, which *out must have room for. */
int spool_read_all(struct spool *s, const struct spool_msg *m, struct buf *out,
		   struct err *e);

/* ---- a message goes out -------------------------------------------------
 */

/* What became of one recipient. */
struct spool_result {
	unsigned recipient;     /* its index */
	enum spool_state state; /* WAITING: deferred */
	bool warned;            /* WAITING, and its sender was told so */
	int64_t wall_s;
	const char *reply;
};
/* spool_results - append records.  Of a message in a file: durable on return
 * when one of them is final or says warned (a deferral lost in a crash loses
 * nothing); of one in the journal: within a second or so. */
int spool_results(struct spool *s, const struct spool_msg *m,
		  const struct spool_result *v, size_t n, struct err *e);

/* spool_remove - every recipient is done: its record, its file unlinked.  A
 * record that cannot be made is logged: after a crash it is sent once more.
 * -1: the file stays for now, which is logged; it is removed as soon as another
 * one can be, or by spool_free. */
int spool_remove(struct spool *s, const struct spool_msg *m, struct err *e);

/* spool_discard - away with it though recipients wait; -1: it stays as it was.
 * Durable after spool_sync_removals. */
int spool_discard(struct spool *s, const struct spool_msg *m, struct err *e);

/* spool_hold - note that m is held, or released again, and from its time too:
 * durable on return; -1: nothing is noted. */
int spool_hold(struct spool *s, const struct spool_msg *m, bool hold,
	       int64_t wall_s, struct err *e);

/* spool_sync_removals - what was removed before is durable on return. */
int spool_sync_removals(struct spool *s, struct err *e);

/* spool_set_aside - move to damaged/, over nothing that is there, and log
 * why. */
void spool_set_aside(struct spool *s, const char *name, int64_t offset,
		     const char *reason);

#endif
