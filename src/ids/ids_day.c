#include "ids/ids_day.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crc32.h"
#include "base/durable.h"
#include "ids/ids.h"

enum {
	NAME_SIZE = 16,
	FILES_MAX = 4096,
	LINE_MAX_BYTES = 9 + IDS_TEXT_MAX + 1 + IDS_DAY_RECIPIENT_MAX,
	READ_BYTES = 64 * 1024,
	DAY_S = 24 * 3600,
};

uint32_t
ids_day_number(int64_t wall_s, unsigned days_ago)
{
	char text[32];
	uint32_t n = 0;

	clock_utc_text((wall_s - (int64_t)days_ago * DAY_S) * 1000000, text,
		       sizeof(text));
	for (const char *p = text; *p != 'T' && *p != '\0'; p++) {
		if (*p != '-')
			n = n * 10 + (uint32_t)(*p - '0');
	}
	return n;
}

int
ids_day_format(struct buf *out, struct span id, struct span recipient)
{
	struct buf pair;
	int rc = -1;

	buf_init(&pair, LINE_MAX_BYTES);
	if (buf_addf(&pair, "%.*s %.*s", SPAN_ARG(id), SPAN_ARG(recipient)) ==
	    0)
		rc = buf_addf(out, "%08x %.*s\n",
			      (unsigned)crc32_add(0, pair.p, pair.n),
			      (int)pair.n, pair.p);
	buf_free(&pair);
	return rc;
}

/* ---- reading --------------------------------------------------------------
 */

struct reading {
	uint32_t day;
	void (*see)(void *, uint32_t, const char *, const char *);
	void *ctx;
	char line[LINE_MAX_BYTES + 1];
	size_t n;
	bool too_long;
};

/* A whole line, without its end. */
static void
read_line(struct reading *r)
{
	char sum[12];
	struct span line = span_make(r->line, r->n);

	if (r->too_long || line.n < 12 || line.p[8] != ' ')
		return;
	struct span pair = span_skip(line, 9);
	(void)snprintf(sum, sizeof(sum), "%08x",
		       (unsigned)crc32_add(0, pair.p, pair.n));
	if (memcmp(sum, line.p, 8) != 0 || memchr(pair.p, '\0', pair.n) != NULL)
		return;
	long blank = span_find(pair, ' ', 0);
	if (blank <= 0 || blank > IDS_TEXT_MAX)
		return;
	r->line[9 + blank] = '\0';
	r->line[r->n] = '\0';
	r->see(r->ctx, r->day, r->line + 9, r->line + 10 + blank);
}

static int
read_file(struct reading *r, int fd, char *piece, struct err *e)
{
	for (;;) {
		ssize_t got = read(fd, piece, READ_BYTES);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_set(e, ERR_TEMP, errno, "delivery ids");
		if (got == 0)
			return 0;
		for (ssize_t i = 0; i < got; i++) {
			if (piece[i] == '\n') {
				read_line(r);
				r->n = 0;
				r->too_long = false;
			} else if (r->n == LINE_MAX_BYTES) {
				r->too_long = true;
			} else {
				r->line[r->n++] = piece[i];
			}
		}
	}
}

static int
by_day(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* The days there are files of, in order; how many, or -1. */
static int
list_days(int dirfd, uint32_t days[FILES_MAX], struct err *e)
{
	int n = 0;
	uint64_t day;

	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (d == NULL) {
		(void)err_set(e, ERR_TEMP, errno, "delivery ids");
		if (fd >= 0)
			(void)close(fd);
		return -1;
	}
	struct dirent *at;
	errno = 0;
	while (n < FILES_MAX && (at = readdir(d)) != NULL) {
		struct span name = span_of(at->d_name);
		if (name.n == 8 && span_u64(name, &day) == 0)
			days[n++] = (uint32_t)day;
		errno = 0;
	}
	if (n < FILES_MAX && errno != 0)
		n = err_set(e, ERR_TEMP, errno, "delivery ids");
	(void)closedir(d);
	if (n < 0)
		return -1;
	qsort(days, (size_t)n, sizeof(*days), by_day);
	return n;
}

static void
name_of(uint32_t day, char name[NAME_SIZE])
{
	(void)snprintf(name, NAME_SIZE, "%08u", (unsigned)day);
}

static int
load_day(int dirfd, struct reading *r, char *piece, struct err *e)
{
	char name[NAME_SIZE];
	struct stat st;

	name_of(r->day, name);
	int fd =
	    openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_set(e, ERR_TEMP, errno, "ids/%s", name);
	int rc = 0;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		rc = read_file(r, fd, piece, e);
	(void)close(fd);
	return rc;
}

int
ids_day_load(int dirfd,
	     void (*see)(void *ctx, uint32_t day, const char *id,
			 const char *recipient),
	     void *ctx, struct err *e)
{
	uint32_t *days = calloc(FILES_MAX, sizeof(*days));
	char *piece = malloc(READ_BYTES);
	int rc = -1;

	if (days == NULL || piece == NULL) {
		(void)err_set(e, ERR_TEMP, ENOMEM, "delivery ids");
		goto out;
	}
	int n = list_days(dirfd, days, e);
	if (n < 0)
		goto out;
	for (int i = 0; i < n; i++) {
		struct reading r = { .day = days[i], .see = see, .ctx = ctx };
		if (load_day(dirfd, &r, piece, e) != 0)
			goto out;
	}
	rc = 0;
out:
	free(days);
	free(piece);
	return rc;
}

int
ids_day_remove(int dirfd, uint32_t oldest, unsigned keep, uint32_t *removed,
	       struct err *e)
{
	uint32_t *days = calloc(FILES_MAX, sizeof(*days));
	char name[NAME_SIZE];
	int rc = 0;

	*removed = 0;
	if (days == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "delivery ids");
	int n = list_days(dirfd, days, e);
	if (n < 0) {
		rc = -1;
	} else if (n > 0 && (unsigned)n > keep && days[0] < oldest) {
		name_of(days[0], name);
		if (unlinkat(dirfd, name, 0) == 0)
			*removed = days[0];
		else if (errno != ENOENT)
			rc = err_set(e, ERR_TEMP, errno, "cannot remove ids/%s",
				     name);
	}
	free(days);
	return rc;
}

/* ---- writing --------------------------------------------------------------
 */

int
ids_day_append(int dirfd, uint32_t day, struct span lines, struct err *e)
{
	char name[NAME_SIZE], last = '\n';
	struct stat st;
	int rc = -1;

	name_of(day, name);
	int fd = durable_open_file(dirfd, name, O_RDWR | O_CREAT | O_APPEND, e);
	if (fd < 0)
		return err_prefix(e, "ids");
	if (fstat(fd, &st) != 0) {
		(void)err_set(e, ERR_TEMP, errno, "ids/%s", name);
		goto out;
	}
	/* A line that an earlier run left torn is ended first. */
	if (st.st_size > 0 && pread(fd, &last, 1, st.st_size - 1) != 1) {
		(void)err_set(e, ERR_TEMP, errno, "ids/%s", name);
		goto out;
	}
	if (last != '\n' && durable_write(fd, "\n", 1, e) != 0)
		goto out;
	if (durable_write(fd, lines.p, lines.n, e) != 0 ||
	    durable_sync(fd, e) != 0)
		goto out;
	rc = st.st_size > 0 ? 0 : durable_sync(dirfd, e);
out:
	(void)close(fd);
	return rc;
}
