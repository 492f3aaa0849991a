#include "store/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/crc32.h"
#include "base/durable.h"
#include "base/log.h"
#include "base/span.h"

#define MOUNTS_FILE "mounts"

enum { FILE_MAX = 16 * 1024 * 1024 };

static const char head[] = "# Domains and mailboxes on file systems of their "
			   "own, by postpair, form 2.\n"
			   "# Who changes a line writes \"edited\" for the "
			   "checksum in the last one.\n";
static const char sum[] = "checksum ";

struct mounts {
	int dirfd; /* of its own */
	pthread_mutex_t lock;
	char **v; /* sorted */
	size_t n;
	bool is_damaged; /* the file: it stays as it is */
};

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool
knows(const struct mounts *m, const char *path)
{
	return m->n > 0 &&
	       bsearch(&path, m->v, m->n, sizeof(*m->v), compare) != NULL;
}

static int
add(struct mounts *m, struct span path, struct err *e)
{
	if (m->n == MOUNTS_MAX)
		return err_set(e, ERR_LIMIT, 0, "over %d mounts", MOUNTS_MAX);
	char **more = realloc(m->v, (m->n + 1) * sizeof(*more));
	if (more == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "mounts");
	m->v = more;
	m->v[m->n] = strndup(path.p, path.n);
	if (m->v[m->n] == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "mounts");
	m->n++;
	qsort(m->v, m->n, sizeof(*m->v), compare);
	return 0;
}

/* The last line of the text, which ends with a newline. */
static struct span
last_line(struct span text)
{
	size_t at = text.n - 1;

	while (at > 0 && text.p[at - 1] != '\n')
		at--;
	return span_make(text.p + at, text.n - 1 - at);
}

static bool
begins_with(struct span s, const char *with)
{
	size_t n = strlen(with);

	return s.n >= n && memcmp(s.p, with, n) == 0;
}

/*
 * Is it as it was written, or as somebody says to have edited it?  The first
 * form had neither a head nor a checksum.
 */
static bool
is_whole(struct span text)
{
	char expected[16];

	if (text.n == 0 || text.p[text.n - 1] != '\n' ||
	    memchr(text.p, '\0', text.n) != NULL)
		return false;
	struct span last = last_line(text);
	bool has_head = begins_with(text, head);
	if (!begins_with(last, sum))
		return !has_head && text.p[0] != '#';
	struct span value = span_skip(last, strlen(sum));
	uint32_t crc = crc32_add(0, text.p, (size_t)(last.p - text.p));
	(void)snprintf(expected, sizeof(expected), "%08x", (unsigned)crc);
	return has_head && (span_eq(value, span_of(expected)) ||
			    span_eq(value, span_of("edited")));
}

static int
add_lines(struct mounts *m, struct span rest, struct err *e)
{
	int rc = 0;

	while (rc == 0 && rest.n > 0) {
		long end = span_find(rest, '\n', 0);
		struct span line =
		    span_head(rest, end < 0 ? rest.n : (size_t)end);
		rest = span_skip(rest, end < 0 ? rest.n : (size_t)end + 1);
		if (line.n > 0 && line.p[0] != '#' && !begins_with(line, sum))
			rc = add(m, line, e);
	}
	return rc;
}

static int
write_lines(const struct mounts *m, struct err *e)
{
	struct buf text;

	buf_init(&text, FILE_MAX);
	int rc = buf_addf(&text, "%s", head);
	for (size_t i = 0; rc == 0 && i < m->n; i++)
		rc = buf_addf(&text, "%s\n", m->v[i]);
	if (rc == 0)
		rc = buf_addf(&text, "%s%08x\n", sum,
			      (unsigned)crc32_add(0, text.p, text.n));
	if (rc != 0)
		(void)err_set(e, ERR_TEMP, errno, "mounts");
	else
		rc = durable_replace(m->dirfd, MOUNTS_FILE, buf_span(&text),
				     0600, e);
	buf_free(&text);
	return rc;
}

static int
read_lines(struct mounts *m, struct err *e)
{
	struct err why = { 0 };
	char *text = NULL;
	size_t n = 0;

	if (durable_read_file(m->dirfd, MOUNTS_FILE, FILE_MAX, &text, &n,
			      &why) != 0) {
		if (why.sys == ENOENT)
			return 0;
		*e = why;
		return -1;
	}
	m->is_damaged = !is_whole(span_make(text, n));
	if (m->is_damaged) {
		(void)err_set(&why, ERR_PERM, 0,
			      "the file mounts in the data directory is "
			      "damaged: no mailbox is made until it is mended "
			      "or removed");
		log_failure(LOG_ERROR, "mounts-damaged", NULL, NULL, &why);
	}
	int rc = add_lines(m, span_make(text, n), e);
	/* Of the first form, or edited; else it is the same again. */
	if (rc == 0 && !m->is_damaged && m->n > 0 && write_lines(m, &why) != 0)
		log_failure(LOG_WARN, "mounts-not-written", NULL, NULL, &why);
	free(text);
	return rc;
}

int
mounts_open(struct mounts **out, int dirfd, struct err *e)
{
	struct mounts *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "mounts");
	(void)pthread_mutex_init(&m->lock, NULL);
	m->dirfd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (m->dirfd < 0)
		(void)err_set(e, ERR_TEMP, errno, "mounts");
	if (m->dirfd < 0 || read_lines(m, e) != 0) {
		mounts_free(&m);
		return -1;
	}
	*out = m;
	return 0;
}

void
mounts_free(struct mounts **out)
{
	struct mounts *m = *out;

	if (m == NULL)
		return;
	for (size_t i = 0; i < m->n; i++)
		free(m->v[i]);
	free(m->v);
	if (m->dirfd >= 0)
		(void)close(m->dirfd);
	(void)pthread_mutex_destroy(&m->lock);
	free(m);
	*out = NULL;
}

bool
mounts_knows(struct mounts *m, const char *path)
{
	(void)pthread_mutex_lock(&m->lock);
	bool known = knows(m, path);
	(void)pthread_mutex_unlock(&m->lock);
	return known;
}

bool
mounts_are_damaged(const struct mounts *m)
{
	return m->is_damaged;
}

int
mounts_note(struct mounts *m, const char *path, struct err *e)
{
	int rc = 0;

	(void)pthread_mutex_lock(&m->lock);
	if (!knows(m, path)) {
		rc = add(m, span_of(path), e);
		if (rc == 0 && !m->is_damaged)
			rc = write_lines(m, e);
	}
	(void)pthread_mutex_unlock(&m->lock);
	return rc;
}
