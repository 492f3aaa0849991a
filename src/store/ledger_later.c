#include "store/ledger_later.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rand.h"
#include "store/maildir.h"
#include "store/maildir_name.h"

enum { RECORDS_MAX = 1 << 26 };

/* A pair of delivery id and mailbox, by a hash that no client can aim at. */
struct ledger_entered {
	uint64_t pair, seq;
};

void
ledger_later_init(struct ledger_later *v)
{
	*v = (struct ledger_later){ 0 };
	rand_bytes(&v->key, sizeof(v->key));
}

void
ledger_later_clear(struct ledger_later *v)
{
	for (size_t i = 0; i < v->n_gone; i++)
		free(v->gone[i]);
	free(v->gone);
	free(v->entered);
	free(v->named);
	*v = (struct ledger_later){ 0 };
}

/* ---- first reading --------------------------------------------------------
 */

/* `old` with room for one more than n elements of `size` bytes; NULL: *e. */
static void *
grown(void *old, size_t n, size_t *cap, size_t size, struct err *e)
{
	if (n < *cap)
		return old;
	size_t more = *cap == 0 ? 64 : *cap * 2;
	void *p = more > RECORDS_MAX ? NULL : realloc(old, more * size);
	if (p == NULL)
		(void)err_set(e, ERR_TEMP, ENOMEM, "recovery");
	else
		*cap = more;
	return p;
}

static uint64_t
pair_of(const struct ledger_later *v, struct span id, struct span mailbox)
{
	struct siphash_key key = v->key;

	key.k0 ^= siphash(&v->key, id.p, id.n);
	return siphash(&key, mailbox.p, mailbox.n);
}

static int
note_named(struct ledger_later *v, struct span name, struct err *e)
{
	long comma = span_find(name, ',', 0);
	struct span unique = comma < 0 ? name : span_head(name, (size_t)comma);

	void *p =
	    grown(v->named, v->n_named, &v->cap_named, sizeof(*v->named), e);
	if (p == NULL)
		return -1;
	v->named = p;
	v->named[v->n_named++] = siphash(&v->key, unique.p, unique.n);
	return 0;
}

static int
note_entered(struct ledger_later *v, const struct journal_record *r,
	     struct err *e)
{
	char mailbox[LEDGER_MAILBOX_SIZE];
	struct ledger_accept a;

	if (ledger_record_parse_accept(r->payload, &a) != 0)
		return 0;
	if (note_named(v, a.name, e) != 0)
		return -1;
	if (a.id.n == 0)
		return 0;
	struct span rest = a.mailboxes;
	while (ledger_record_mailbox(&rest, mailbox)) {
		void *p = grown(v->entered, v->n_entered, &v->cap_entered,
				sizeof(*v->entered), e);
		if (p == NULL)
			return -1;
		v->entered = p;
		v->entered[v->n_entered++] = (struct ledger_entered){
			pair_of(v, a.id, maildir_mailbox_owner(mailbox)), r->seq
		};
	}
	return 0;
}

static int
note_gone(struct ledger_later *v, const struct journal_record *r, struct err *e)
{
	struct span mailbox, unique;

	if (ledger_record_parse_gone(r->payload, &mailbox, &unique) != 0)
		return 0;
	void *p = grown(v->gone, v->n_gone, &v->cap_gone, sizeof(*v->gone), e);
	if (p == NULL)
		return -1;
	v->gone = p;
	size_t size = mailbox.n + unique.n + 2;
	char *text = malloc(size);
	if (text == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "recovery");
	(void)snprintf(text, size, "%.*s %.*s", SPAN_ARG(mailbox),
		       SPAN_ARG(unique));
	v->gone[v->n_gone++] = text;
	return 0;
}

int
ledger_later_note(void *later, const struct journal_record *r, struct err *e)
{
	struct ledger_later *v = later;

	if (r->type == LEDGER_DOUBT)
		v->doubt = r->seq;
	if (r->type == LEDGER_ACCEPT)
		return note_entered(v, r, e);
	if (r->type == LEDGER_REMOVED || r->type == LEDGER_WITHDRAWN)
		return note_gone(v, r, e);
	return 0;
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int
by_pair(const void *a, const void *b)
{
	const struct ledger_entered *x = a, *y = b;

	if (x->pair != y->pair)
		return x->pair < y->pair ? -1 : 1;
	return x->seq > y->seq ? -1 : x->seq < y->seq;
}

static int
by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

void
ledger_later_ready(struct ledger_later *v)
{
	if (v->n_named > 0)
		qsort(v->named, v->n_named, sizeof(*v->named), by_number);
	if (v->n_gone > 0)
		qsort(v->gone, v->n_gone, sizeof(*v->gone), by_text);
	if (v->n_entered > 0)
		qsort(v->entered, v->n_entered, sizeof(*v->entered), by_pair);
}

/* ---- questions ------------------------------------------------------------
 */

bool
ledger_later_gone(const struct ledger_later *v, const char *mailbox,
		  const char *unique)
{
	char text[LEDGER_MAILBOX_SIZE + MAILDIR_NAME_SIZE + 2];
	char *key = text;

	(void)snprintf(text, sizeof(text), "%s %s", mailbox, unique);
	return v->n_gone > 0 && bsearch(&key, v->gone, v->n_gone,
					sizeof(*v->gone), by_text) != NULL;
}

bool
ledger_later_named(const void *later, struct span unique)
{
	const struct ledger_later *v = later;
	uint64_t hash = siphash(&v->key, unique.p, unique.n);

	return v->n_named > 0 && bsearch(&hash, v->named, v->n_named,
					 sizeof(hash), by_number) != NULL;
}

bool
ledger_later_superseded(const struct ledger_later *v, const char *id,
			const char *mailbox, uint64_t seq)
{
	size_t low = 0, high = v->n_entered;

	if (id[0] == '\0')
		return false;
	uint64_t pair = pair_of(v, span_of(id), maildir_mailbox_owner(mailbox));
	while (low < high) { /* the first of the pair */
		size_t middle = low + (high - low) / 2;
		if (v->entered[middle].pair < pair)
			low = middle + 1;
		else
			high = middle;
	}
	return low < v->n_entered && v->entered[low].pair == pair &&
	       v->entered[low].seq > seq;
}
