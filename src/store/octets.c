#include "store/octets.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "mail/downgrade.h"

enum {
	READ_BYTES = DOWNGRADE_PIECE_MAX,
	HEAD_BYTES = 64 * 1024, /* our Received line is near the top */
};

struct slot {
	dev_t dev;
	ino_t ino; /* 0: free */
	off_t size;
	struct timespec changed;
	struct octets_count n;
};

struct octets {
	const char *host;
	pthread_mutex_t lock;
	struct slot slot[OCTETS_SLOTS]; /* by inode; the last one stays */
};

int
octets_new(struct octets **o, const char *host, struct err *e)
{
	struct octets *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "size cache");
	n->host = host;
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

static ssize_t
read_at(int fd, char *buf, size_t n, off_t at)
{
	ssize_t got;

	do {
		got = pread(fd, buf, n, at);
	} while (got < 0 && errno == EINTR);
	return got;
}

/* As mail/dot will send it: LF and a lone CR become CRLF, and an unfinished
 * last line is ended. */
struct count {
	char last;
	uint64_t n, named;
};

static void
count_bytes(struct count *c, struct span in)
{
	for (size_t i = 0; i < in.n; i++) {
		if ((in.p[i] == '\n') != (c->last == '\r')) {
			c->n++;
			c->named += in.p[i] == '\n';
		}
		c->last = in.p[i];
	}
	c->n += in.n;
	c->named += in.n;
}

static uint64_t
count_end(const struct count *c)
{
	return c->n + (c->last == '\n' ? 0 : c->last == '\r' ? 1 : 2);
}

/* Both forms, in one reading. */
static int
count_downgraded(int fd, struct octets_count *n)
{
	struct count stored = { .last = '\n' }, plain = { .last = '\n' };
	char piece[READ_BYTES];
	struct downgrade d;
	struct buf out;
	ssize_t got;
	off_t at = 0;
	int rc = -1;

	downgrade_init(&d);
	buf_init(&out, DOWNGRADE_OUT_MAX);
	while ((got = read_at(fd, piece, sizeof(piece), at)) > 0) {
		struct span in = span_make(piece, (size_t)got);
		count_bytes(&stored, in);
		if (downgrade_add(&d, in, &out) != 0)
			goto out;
		count_bytes(&plain, buf_span(&out));
		buf_clear(&out);
		at += got;
	}
	if (got < 0 || downgrade_end(&d, &out) != 0)
		goto out;
	count_bytes(&plain, buf_span(&out));
	n->named = stored.named;
	n->stored = count_end(&stored);
	n->plain = count_end(&plain);
	rc = 0;
out:
	buf_free(&out);
	downgrade_clear(&d);
	return rc;
}

static int
count_stored(int fd, struct octets_count *n)
{
	struct count c = { .last = '\n' };
	char piece[READ_BYTES];
	ssize_t got;

	for (off_t at = 0; (got = read_at(fd, piece, sizeof(piece), at)) > 0;
	     at += got)
		count_bytes(&c, span_make(piece, (size_t)got));
	if (got < 0)
		return -1;
	n->named = c.named;
	n->stored = n->plain = count_end(&c);
	return 0;
}

/* 1: the message was taken by SMTPUTF8; 0; -1. */
static int
is_internationalized(const struct octets *o, int fd)
{
	char first[READ_BYTES];

	ssize_t got = read_at(fd, first, sizeof(first) - 1, 0);
	if (got < 0)
		return -1;
	if ((size_t)got < sizeof(first) - 1)
		first[got++] = '\n'; /* the header may have no end */
	int wanted =
	    downgrade_is_wanted(span_make(first, (size_t)got), o->host);
	if (wanted >= 0)
		return wanted;
	char *more = malloc(HEAD_BYTES);
	if (more == NULL)
		return -1;
	got = read_at(fd, more, HEAD_BYTES - 1, 0);
	if (got >= 0 && got < HEAD_BYTES - 1)
		more[got++] = '\n';
	wanted = got < 0 ? -1
			 : downgrade_is_wanted(span_make(more, (size_t)got),
					       o->host) == 1;
	int sys = errno;
	free(more);
	errno = sys;
	return wanted;
}

static struct slot *
slot_of(struct octets *o, const struct stat *st)
{
	return &o->slot[(uint64_t)st->st_ino % OCTETS_SLOTS];
}

bool
octets_are_known(struct octets *o, const struct stat *st,
		 struct octets_count *n)
{
	const struct slot *s = slot_of(o, st);

	(void)pthread_mutex_lock(&o->lock);
	bool known = is_same(s, st);
	if (known)
		*n = s->n;
	(void)pthread_mutex_unlock(&o->lock);
	return known;
}

int
octets_of(struct octets *o, int fd, const struct stat *st,
	  struct octets_count *n)
{
	struct slot *s = slot_of(o, st);

	if (octets_are_known(o, st, n))
		return 0;
	int downgraded = is_internationalized(o, fd);
	if (downgraded < 0)
		return -1;
	n->downgraded = downgraded > 0;
	if ((downgraded ? count_downgraded(fd, n) : count_stored(fd, n)) != 0)
		return -1;
	(void)pthread_mutex_lock(&o->lock);
	*s = (struct slot){ st->st_dev, st->st_ino, st->st_size, st->st_mtim,
			    *n };
	(void)pthread_mutex_unlock(&o->lock);
	return 0;
}
