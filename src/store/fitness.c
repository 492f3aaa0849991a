#include "store/fitness.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/durable.h"
#include "store/maildir_cache.h"
#include "store/maildir_name.h"

struct fitness {
	struct maildir_tree *tree;
	pthread_mutex_t lock;
	char *failed[FITNESS_REMEMBERED]; /* malloc'ed; NULL: free */
	unsigned next;                    /* which goes when all are taken */
	unsigned n;
};

int
fitness_new(struct fitness **out, struct maildir_tree *tree, struct err *e)
{
	struct fitness *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "mailboxes");
	f->tree = tree;
	(void)pthread_mutex_init(&f->lock, NULL);
	*out = f;
	return 0;
}

void
fitness_free(struct fitness **out)
{
	struct fitness *f = *out;

	if (f == NULL)
		return;
	for (size_t i = 0; i < FITNESS_REMEMBERED; i++)
		free(f->failed[i]);
	(void)pthread_mutex_destroy(&f->lock);
	free(f);
	*out = NULL;
}

/* ---- what failed ----------------------------------------------------------
 */

static char **
place_of(struct fitness *f, const char *mailbox)
{
	for (size_t i = 0; f->n > 0 && i < FITNESS_REMEMBERED; i++) {
		if (f->failed[i] != NULL && strcmp(f->failed[i], mailbox) == 0)
			return &f->failed[i];
	}
	return NULL;
}

void
fitness_failed(struct fitness *f, const char *mailbox)
{
	char *name = strdup(mailbox);

	(void)pthread_mutex_lock(&f->lock);
	if (name != NULL && place_of(f, mailbox) == NULL) {
		char **at = &f->failed[f->next++ % FITNESS_REMEMBERED];
		f->n += *at == NULL;
		free(*at);
		*at = name;
		name = NULL;
	}
	(void)pthread_mutex_unlock(&f->lock);
	free(name);
}

static bool
has_failed(struct fitness *f, const char *mailbox)
{
	(void)pthread_mutex_lock(&f->lock);
	bool is = place_of(f, mailbox) != NULL;
	(void)pthread_mutex_unlock(&f->lock);
	return is;
}

static void
forget(struct fitness *f, const char *mailbox)
{
	(void)pthread_mutex_lock(&f->lock);
	char **at = place_of(f, mailbox);
	if (at != NULL) {
		free(*at);
		*at = NULL;
		f->n--;
	}
	(void)pthread_mutex_unlock(&f->lock);
}

/* ---- can it take one? -----------------------------------------------------
 */

static int
look(const struct maildir *m, struct err *e)
{
	if (faccessat(m->tmp, ".", W_OK | X_OK, AT_EACCESS) != 0 ||
	    faccessat(m->new, ".", W_OK | X_OK, AT_EACCESS) != 0)
		return err_set(e, ERR_TEMP, errno, "no mail may be put there");
	return 0;
}

/* All that a delivery does, with a file that readers pass over: its name begins
 * with a dot. */
static int
try_out(struct fitness *f, const struct maildir *m, int64_t bytes,
	struct err *e)
{
	char unique[MAILDIR_NAME_SIZE], name[MAILDIR_NAME_SIZE + 1];

	maildir_name_unique(unique, maildir_tree_host(f->tree),
			    maildir_tree_count(f->tree));
	(void)snprintf(name, sizeof(name), ".%s", unique);
	int fd = durable_create(m->tmp, unique, e);
	if (fd < 0)
		return -1;
	if (bytes > FITNESS_TRIED_BYTES)
		bytes = FITNESS_TRIED_BYTES;
	int sys = posix_fallocate(fd, 0, bytes > 0 ? bytes : 1);
	int rc = sys == 0 || sys == EOPNOTSUPP || sys == EINVAL
		     ? durable_sync(fd, e)
		     : err_set(e, ERR_TEMP, sys, "no room");
	(void)close(fd);
	if (rc == 0)
		rc = durable_rename_new(m->tmp, unique, m->new, name, e);
	(void)unlinkat(rc == 0 ? m->new : m->tmp, rc == 0 ? name : unique, 0);
	return rc;
}

/* One of the mailboxes of an address, if it is there. */
static int
check(struct fitness *f, const char *mailbox, int64_t bytes, struct err *e)
{
	struct maildir_cache *c = maildir_tree_cache(f->tree);
	struct maildir_loan l = MAILDIR_NO_LOAN;

	if (maildir_cache_find(c, mailbox, &l, e) != 0)
		return -1;
	int rc = look(&l.m, e);
	if (rc == 0 && has_failed(f, mailbox)) {
		rc = try_out(f, &l.m, bytes, e);
		if (rc == 0)
			forget(f, mailbox);
	}
	maildir_cache_return(c, &l);
	return rc;
}

int
fitness_check(struct fitness *f, const char *address, int64_t bytes,
	      struct err *e)
{
	char junk[MAILDIR_MAILBOX_SIZE];

	if (check(f, address, bytes, e) != 0 &&
	    (e->sys != ENOENT || maildir_can_be_made(f->tree, address, e) != 0))
		return -1;
	int n = snprintf(junk, sizeof(junk), "%s" MAILDIR_JUNK, address);
	/* a filter may want it there; whether, is known later */
	return n > 0 && (size_t)n < sizeof(junk) && has_failed(f, junk) &&
		       check(f, junk, bytes, e) != 0 && e->sys != ENOENT
		   ? -1
		   : 0;
}
