#include "store/octets.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { READ_BYTES = 4096 };

struct slot {
	dev_t dev;
	ino_t ino; /* 0: free */
	off_t size;
	struct timespec changed;
	uint64_t octets;
};

struct octets {
	pthread_mutex_t lock;
	struct slot slot[OCTETS_SLOTS]; /* by inode; the last one stays */
};

int
octets_new(struct octets **o, struct err *e)
{
	struct octets *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "size cache");
	(void)pthread_mutex_init(&n->lock, NULL);
	*o = n;
	return 0;
}

void
octets_free(struct octets **o)
{
	if (*o == NULL)
		return;
	(void)pthread_mutex_destroy(&(*o)->lock);
	free(*o);
	*o = NULL;
}

static bool
is_same(const struct slot *s, const struct stat *st)
{
	return s->ino == st->st_ino && s->dev == st->st_dev &&
	       s->size == st->st_size &&
	       s->changed.tv_sec == st->st_mtim.tv_sec &&
	       s->changed.tv_nsec == st->st_mtim.tv_nsec;
}

/* As mail/dot will send it: LF and a lone CR become CRLF, and an unfinished
 * last line is ended. */
static int
count(int fd, uint64_t *octets)
{
	char buf[READ_BYTES];
	char last = '\n';
	uint64_t n = 0;

	for (;;) {
		ssize_t got = read(fd, buf, sizeof(buf));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		for (ssize_t i = 0; i < got; i++) {
			if ((buf[i] == '\n') != (last == '\r'))
				n++;
			last = buf[i];
		}
		n += (uint64_t)got;
	}
	*octets = n + (last == '\n' ? 0 : last == '\r' ? 1 : 2);
	return 0;
}

int
octets_of(struct octets *o, int fd, const struct stat *st, uint64_t *n)
{
	struct slot *s = &o->slot[(uint64_t)st->st_ino % OCTETS_SLOTS];

	(void)pthread_mutex_lock(&o->lock);
	bool known = is_same(s, st);
	if (known)
		*n = s->octets;
	(void)pthread_mutex_unlock(&o->lock);
	if (known)
		return 0;
	if (count(fd, n) != 0)
		return -1;
	(void)pthread_mutex_lock(&o->lock);
	*s = (struct slot){ st->st_dev, st->st_ino, st->st_size, st->st_mtim,
			    *n };
	(void)pthread_mutex_unlock(&o->lock);
	return 0;
}
