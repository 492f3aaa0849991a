#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "queue/scheduler_wait.h"
#include "sender/sender_private.h"

/*
 * Cut-through: the message is in the queue, safe whatever comes; the client's
 * 250 waits for the first attempt and says what it came to.  The reply is
 *
 *   250 2.0.0 ID stored for 2 recipients
 *
 * or, with a line for each recipient as far as they fit,
 *
 *   250-2.0.0 <bob@xyz.com> stored
 *   250-2.0.0 <carol@xyz.com> queued: 452 4.2.2 Mailbox full
 *   250 2.0.0 ID queued, 1 of 2 stored
 */
enum {
	LAST_LINE = 120, /* room kept for it */
	WORDS_MAX = 160, /* of a peer, in one line */
};

struct tally {
	unsigned n, stored, failed, waiting;
};

static struct tally
count(const struct scheduler_first *v, unsigned n)
{
	struct tally t = { .n = n };

	for (unsigned i = 0; i < n; i++) {
		t.stored += v[i].outcome == SCHEDULER_DELIVERED;
		t.failed += v[i].outcome == SCHEDULER_FAILED;
	}
	t.waiting = n - t.stored - t.failed;
	return t;
}

/* "<bob@xyz.com> queued: 452 4.2.2 Mailbox full\n"; nothing when full. */
static void
put_recipient(struct buf *text, const char *address,
	      const struct scheduler_first *v)
{
	static const char *const words[] = { "queued", "stored", "queued",
					     "failed" };
	size_t n = text->n;
	bool why =
	    v->outcome == SCHEDULER_DEFERRED || v->outcome == SCHEDULER_FAILED;

	if (buf_addf(text, "<%s> %s%s%.*s\n", address, words[v->outcome],
		     why ? ": " : "", why ? WORDS_MAX : 0, v->reply) != 0)
		text->n = n;
}

static void
put_summary(struct buf *text, const char *id, const struct tally *t)
{
	text->max = REPLY_TEXT_SIZE - 1;
	(void)buf_addf(text, "%s%s", id, t->waiting > 0 ? " queued" : "");
	if (t->stored == t->n)
		(void)buf_addf(text, " stored for %u recipient%s", t->n,
			       t->n == 1 ? "" : "s");
	else if (t->stored > 0 || t->n > 1)
		(void)buf_addf(text, "%s %u of %u stored",
			       t->waiting > 0 ? "," : "", t->stored, t->n);
	if (t->failed > 0)
		(void)buf_addf(text, "%s %u failed",
			       t->waiting > 0 || t->n > 1 ? "," : "",
			       t->failed);
}

static void
put_reply(const char *id, const struct smtp_txn *txn,
	  const struct scheduler_first *v, struct smtp_reply *r)
{
	struct tally t = count(v, txn->n_recipients);
	struct buf text;

	buf_init(&text, REPLY_TEXT_SIZE - LAST_LINE);
	for (unsigned i = 0; i < t.n && t.stored < t.n; i++)
		put_recipient(&text, txn->recipients[i].text, &v[i]);
	put_summary(&text, id, &t);
	reply_set(r, 250, "2.0.0", "%.*s", (int)text.n,
		  text.n == 0 ? "" : text.p);
	buf_free(&text);
}

int
sender_cut_through(struct sender *s, struct spool_msg **m,
		   const struct smtp_txn *txn, struct smtp_reply *r,
		   struct err *e)
{
	char id[RAND_ID_SIZE];
	struct scheduler_first *v = calloc(txn->n_recipients, sizeof(*v));

	memcpy(id, (*m)->id, sizeof(id));
	if (v == NULL) /* the message goes out all the same */
		return scheduler_add(s->scheduler, m, e);
	int rc =
	    scheduler_wait_add(s->scheduler, m, s->o->cut_through_wait, v, e);
	if (rc == 0)
		put_reply(id, txn, v, r);
	free(v);
	return rc;
}
