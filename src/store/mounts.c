#include "store/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/durable.h"
#include "base/span.h"

#define MOUNTS_FILE "mounts"

enum { FILE_MAX = 16 * 1024 * 1024 };

struct mounts {
	int dirfd; /* of its own */
	pthread_mutex_t lock;
	char **v; /* sorted */
	size_t n;
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

static int
read_lines(struct mounts *m, struct err *e)
{
	struct err why = { 0 };
	char *text = NULL;
	size_t n = 0;
	int rc = 0;

	if (durable_read_file(m->dirfd, MOUNTS_FILE, FILE_MAX, &text, &n,
			      &why) != 0) {
		if (why.sys == ENOENT)
			return 0;
		*e = why;
		return -1;
	}
	struct span rest = span_make(text, n);
	while (rc == 0 && rest.n > 0) {
		long end = span_find(rest, '\n', 0);
		struct span line =
		    span_head(rest, end < 0 ? rest.n : (size_t)end);
		rest = span_skip(rest, end < 0 ? rest.n : (size_t)end + 1);
		if (line.n > 0 && line.p[0] != '#')
			rc = add(m, line, e);
	}
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

/* Lock held. */
static int
write_lines(const struct mounts *m, struct err *e)
{
	struct buf text;
	int rc = 0;

	buf_init(&text, FILE_MAX);
	for (size_t i = 0; rc == 0 && i < m->n; i++)
		rc = buf_addf(&text, "%s\n", m->v[i]);
	if (rc != 0)
		(void)err_set(e, ERR_TEMP, errno, "mounts");
	else
		rc = durable_replace(m->dirfd, MOUNTS_FILE, buf_span(&text),
				     0600, e);
	buf_free(&text);
	return rc;
}

int
mounts_note(struct mounts *m, const char *path, struct err *e)
{
	int rc = 0;

	(void)pthread_mutex_lock(&m->lock);
	if (!knows(m, path)) {
		rc = add(m, span_of(path), e);
		if (rc == 0)
			rc = write_lines(m, e);
	}
	(void)pthread_mutex_unlock(&m->lock);
	return rc;
}
