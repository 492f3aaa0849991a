#include "sender/sts_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/crc32.h"
#include "base/durable.h"
#include "base/log.h"

enum {
	HEAD_SIZE = 128,
	FILE_MAX = HEAD_SIZE + STS_POLICY_MAX,
	NAME_LONGEST = 240, /* of a file, with room for ".tmp" */
};

static const char magic[] = "postpair-sts 1 ";

static uint32_t
checksum(const char *domain, const char *head, struct span text)
{
	uint32_t crc = crc32_add(0, domain, strlen(domain));

	crc = crc32_add(crc, head, strlen(head));
	return crc32_add(crc, text.p, text.n);
}

/* ---- one file -----------------------------------------------------------
 */

int
sts_store_parse(struct span text, const char *domain, struct sts_kept *k)
{
	struct span start = span_of(magic);
	long end = span_find(text, '\n', 0);
	char crc[9], want[9], head[HEAD_SIZE];
	uint64_t fetched;

	if (end < 0 || text.n < start.n ||
	    memcmp(text.p, start.p, start.n) != 0)
		return -1;
	struct span line = span_skip(span_head(text, (size_t)end), start.n);
	struct span body = span_skip(text, (size_t)end + 1);
	struct span sum = span_word(&line);
	if (span_copy(sum, crc, sizeof(crc)) != 0 || line.n < 2 ||
	    span_copy(span_skip(line, 1), head, sizeof(head)) != 0)
		return -1;
	(void)snprintf(want, sizeof(want), "%08x",
		       (unsigned)checksum(domain, head, body));
	if (strcmp(crc, want) != 0)
		return -1;
	struct span number = span_word(&line), id = span_word(&line);
	if (span_u64(number, &fetched) != 0 || fetched > INT64_MAX / 2 ||
	    id.n == 0 || span_copy(id, k->id, sizeof(k->id)) != 0)
		return -1;
	k->fetched_s = (int64_t)fetched;
	return sts_policy_parse(body, &k->policy, NULL);
}

int
sts_store_read(int fd, const char *domain, struct sts_kept *k)
{
	char *text = NULL;
	size_t n = 0;

	if (strlen(domain) > NAME_LONGEST ||
	    durable_read_file(fd, domain, FILE_MAX, &text, &n, NULL) != 0)
		return -1;
	int rc = sts_store_parse(span_make(text, n), domain, k);
	free(text);
	return rc;
}

int
sts_store_write(int fd, const char *domain, const char *id, int64_t fetched_s,
		struct span text, struct err *e)
{
	char head[HEAD_SIZE];
	struct buf out;

	if (strlen(domain) > NAME_LONGEST)
		return err_set(e, ERR_LIMIT, 0, "%s: too long to keep", domain);
	(void)snprintf(head, sizeof(head), "%" PRId64 " %s", fetched_s, id);
	buf_init(&out, FILE_MAX);
	int rc = buf_addf(&out, "%s%08x %s\n", magic,
			  (unsigned)checksum(domain, head, text), head);
	if (rc == 0)
		rc = buf_add_span(&out, text);
	rc = rc != 0 ? err_set(e, ERR_TEMP, errno, "%s", domain)
		     : durable_replace(fd, domain, buf_span(&out), 0600, e);
	buf_free(&out);
	return rc;
}

/* ---- all of them --------------------------------------------------------
 */

struct kept_file {
	char name[NAME_LONGEST + 16];
	int64_t at_s;
};

struct kept_files {
	struct kept_file *v;
	size_t n, cap;
};

static int
by_age(const void *a, const void *b)
{
	const struct kept_file *x = a, *y = b;

	return (x->at_s > y->at_s) - (x->at_s < y->at_s);
}

static int
add_file(struct kept_files *l, const char *name, time_t at_s, struct err *e)
{
	if (l->n == l->cap) {
		size_t more = l->cap == 0 ? 64 : 2 * l->cap;
		struct kept_file *w = realloc(l->v, more * sizeof(*w));
		if (w == NULL)
			return err_set(e, ERR_TEMP, ENOMEM, "sts");
		l->v = w;
		l->cap = more;
	}
	(void)snprintf(l->v[l->n].name, sizeof(l->v->name), "%s", name);
	l->v[l->n++].at_s = at_s;
	return 0;
}

/* All of them, or -1: of some, the oldest are not the oldest. */
static int
list(DIR *dir, int fd, struct kept_files *l, struct err *e)
{
	struct dirent *d;
	struct stat st;

	for (;;) {
		errno = 0;
		d = readdir(dir);
		if (d == NULL)
			return errno == 0
				   ? 0
				   : err_set(e, ERR_TEMP, errno,
					     "sts cannot be read to its end");
		if (d->d_name[0] == '.' ||
		    strlen(d->d_name) >= sizeof(l->v->name))
			continue;
		if (fstatat(fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
			if (add_file(l, d->d_name, st.st_mtime, e) != 0)
				return -1;
		} else if (errno != ENOENT) {
			return err_set(e, ERR_TEMP, errno, "sts/%s", d->d_name);
		}
	}
}

static int
prune(int fd, unsigned max, struct err *e)
{
	struct kept_files l = { 0 };
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);

	if (dir == NULL) {
		(void)err_set(e, ERR_TEMP, errno, "sts cannot be opened");
		if (copy >= 0)
			(void)close(copy);
		return -1;
	}
	int rc = list(dir, fd, &l, e);
	(void)closedir(dir);
	if (rc == 0 && l.n > max) {
		qsort(l.v, l.n, sizeof(*l.v), by_age);
		for (size_t i = 0; i < l.n - max; i++)
			(void)unlinkat(fd, l.v[i].name, 0);
	}
	free(l.v);
	return rc;
}

int
sts_store_open(int data_fd, unsigned max, struct err *e)
{
	int fd = durable_open_dir(data_fd, "sts", 1, e);
	struct err why;

	/* what is there is of use, however much it is */
	if (fd >= 0 && prune(fd, max, &why) != 0)
		log_failure(LOG_WARN, "sts-not-pruned", NULL, NULL, &why);
	return fd;
}
