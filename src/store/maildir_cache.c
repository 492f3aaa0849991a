#include "store/maildir_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "mail/address.h"

/* The directories of a mailbox that messages are in, or come through.  Each may
 * be removed and made again by itself: a clean-up job takes tmp/ along. */
enum { PARTS = 3 };
static const char *const part_names[PARTS] = { "tmp", "new", "cur" };
struct part {
	dev_t dev;
	ino_t ino;
};

/* An address has one slot; while another one uses it, it is opened apart. */
struct slot {
	char *address; /* NULL: free */
	struct maildir m;
	struct part part[PARTS];
	unsigned loans;
	bool stale; /* closed when the last loan ends */
};

struct maildir_cache {
	struct maildir_tree *tree;
	pthread_mutex_t lock;
	struct slot slot[MAILDIR_CACHE_SLOTS];
};

int
maildir_cache_new(struct maildir_cache **out, struct maildir_tree *t,
		  struct err *e)
{
	struct maildir_cache *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "mailbox cache");
	c->tree = t;
	(void)pthread_mutex_init(&c->lock, NULL);
	for (size_t i = 0; i < MAILDIR_CACHE_SLOTS; i++)
		c->slot[i].m = (struct maildir)MAILDIR_CLOSED;
	*out = c;
	return 0;
}

static void
empty(struct slot *s)
{
	maildir_close(&s->m);
	free(s->address);
	s->address = NULL;
	s->stale = false;
}

void
maildir_cache_free(struct maildir_cache **out)
{
	struct maildir_cache *c = *out;

	if (c == NULL)
		return;
	for (size_t i = 0; i < MAILDIR_CACHE_SLOTS; i++)
		empty(&c->slot[i]);
	(void)pthread_mutex_destroy(&c->lock);
	free(c);
	*out = NULL;
}

static struct slot *
slot_of(struct maildir_cache *c, const char *address)
{
	return &c->slot[hash_text(address) % MAILDIR_CACHE_SLOTS];
}

/* Does the slot's mailbox still stand under its name, whole? */
static bool
is_current(struct maildir_cache *c, const struct slot *s)
{
	struct span owner = maildir_mailbox_owner(s->address), local, domain;
	char address[MAILDIR_MAILBOX_SIZE], path[2 * 256 + 16];
	struct stat st;

	if (span_copy(owner, address, sizeof(address)) != 0)
		return false;
	address_split(address, &local, &domain);
	for (size_t i = 0; i < PARTS; i++) {
		int n = snprintf(path, sizeof(path), "%.*s/%.*s%s/%s",
				 SPAN_ARG(domain), SPAN_ARG(local),
				 s->address + owner.n, part_names[i]);
		if (n < 0 || (size_t)n >= sizeof(path) ||
		    fstatat(maildir_tree_root(c->tree), path, &st,
			    AT_SYMLINK_NOFOLLOW) != 0 ||
		    st.st_dev != s->part[i].dev || st.st_ino != s->part[i].ino)
			return false;
	}
	return true;
}

/* On loan from the slot, if it is this address'.  Lock held. */
static bool
lend(struct maildir_cache *c, struct slot *s, const char *address,
     struct maildir_loan *l)
{
	if (s->address == NULL || s->stale || strcmp(s->address, address) != 0)
		return false;
	if (!is_current(c, s)) {
		s->stale = true;
		if (s->loans == 0)
			empty(s);
		return false;
	}
	s->loans++;
	l->m = s->m;
	l->slot = s;
	return true;
}

/* Put what was just opened into the slot, if nobody uses it.  Lock held. */
static void
adopt(struct slot *s, const char *address, struct maildir_loan *l)
{
	const int fd[PARTS] = { l->m.tmp, l->m.new, l->m.cur };
	struct part part[PARTS];
	struct stat st;

	for (size_t i = 0; i < PARTS; i++) {
		if (fstat(fd[i], &st) != 0)
			return;
		part[i] = (struct part){ st.st_dev, st.st_ino };
	}
	char *name = s->loans > 0 ? NULL : strdup(address);
	if (name == NULL)
		return;
	empty(s);
	*s = (struct slot){ .address = name, .m = l->m, .loans = 1 };
	memcpy(s->part, part, sizeof(part));
	l->slot = s;
}

static int
lend_or_open(struct maildir_cache *c, const char *address, bool create,
	     struct maildir_loan *l, struct err *e)
{
	struct slot *s = slot_of(c, address);

	(void)pthread_mutex_lock(&c->lock);
	bool have = lend(c, s, address, l);
	(void)pthread_mutex_unlock(&c->lock);
	if (have)
		return 0;
	l->slot = NULL;
	if (maildir_open(c->tree, address, create, &l->m, e) != 0)
		return -1;
	(void)pthread_mutex_lock(&c->lock);
	adopt(s, address, l);
	(void)pthread_mutex_unlock(&c->lock);
	return 0;
}

int
maildir_cache_borrow(struct maildir_cache *c, const char *address,
		     struct maildir_loan *l, struct err *e)
{
	return lend_or_open(c, address, true, l, e);
}

int
maildir_cache_find(struct maildir_cache *c, const char *address,
		   struct maildir_loan *l, struct err *e)
{
	return lend_or_open(c, address, false, l, e);
}

void
maildir_cache_return(struct maildir_cache *c, struct maildir_loan *l)
{
	struct slot *s = l->slot;

	if (s == NULL) {
		maildir_close(&l->m);
		return;
	}
	(void)pthread_mutex_lock(&c->lock);
	if (--s->loans == 0 && s->stale)
		empty(s);
	(void)pthread_mutex_unlock(&c->lock);
	*l = (struct maildir_loan)MAILDIR_NO_LOAN;
}
