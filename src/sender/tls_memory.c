#include "sender/tls_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/crc32.h"
#include "base/durable.h"
#include "base/log.h"

/*
 * A line is
 *
 *   CRC LEVEL SECONDS NAME
 *
 * CRC: eight hexadecimal digits over the rest of the line; LEVEL: c, e or v (c:
 * forgotten); SECONDS: when it was seen, since 1970.  Later lines count.  The
 * file is written anew when it holds twice as many lines as it needs.
 */
enum {
	LINE_SIZE = TLS_MEMORY_NAME_SIZE + 48,
	FILE_MAX = 2 * (TLS_MEMORY_MAX + 1000) * LINE_SIZE,
	SEEN_AGAIN_S = 86400, /* written at most once a day */
};

static const char file_name[] = "tls-memory";
static const char letters[] = "cev";

struct entry {
	char *name;
	enum tls_level level;
	int64_t seen_s;
	int64_t written_s; /* seen_s of the last line in the file */
};

struct tls_memory {
	int data_fd;
	int64_t ttl_s;
	pthread_mutex_t lock; /* guards the rest */
	struct entry *v;      /* sorted by name */
	size_t n, cap;
	size_t lines; /* in the file */
	int fd;       /* of it, to append; -1: not open */
};

const char *
tls_level_name(enum tls_level level)
{
	static const char *const names[] = { "clear", "encrypted", "verified" };

	return names[level];
}

/* ---- the table (lock held) ----------------------------------------------
 */

/* Where the name is, or belongs. */
static size_t
place(const struct tls_memory *m, const char *name, bool *found)
{
	size_t low = 0, high = m->n;

	*found = false;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = strcmp(m->v[mid].name, name);
		if (c == 0) {
			*found = true;
			return mid;
		}
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void
remove_at(struct tls_memory *m, size_t i)
{
	free(m->v[i].name);
	m->n--;
	memmove(&m->v[i], &m->v[i + 1], (m->n - i) * sizeof(m->v[0]));
}

static void
drop_oldest(struct tls_memory *m)
{
	size_t oldest = 0;

	for (size_t i = 1; i < m->n; i++) {
		if (m->v[i].seen_s < m->v[oldest].seen_s)
			oldest = i;
	}
	remove_at(m, oldest);
}

static struct entry *
insert(struct tls_memory *m, const char *name)
{
	bool found;

	if (m->n == TLS_MEMORY_MAX)
		drop_oldest(m);
	if (m->n == m->cap) {
		size_t cap = m->cap == 0 ? 64 : 2 * m->cap;
		struct entry *v = realloc(m->v, cap * sizeof(*v));
		if (v == NULL)
			return NULL;
		m->v = v;
		m->cap = cap;
	}
	char *copy = strdup(name);
	if (copy == NULL)
		return NULL;
	size_t i = place(m, name, &found);
	memmove(&m->v[i + 1], &m->v[i], (m->n - i) * sizeof(m->v[0]));
	m->v[i] = (struct entry){ .name = copy };
	m->n++;
	return &m->v[i];
}

static bool
is_over(const struct tls_memory *m, const struct entry *i)
{
	return m->ttl_s == 0 || clock_wall_s() - i->seen_s > m->ttl_s;
}

/* ---- the file (lock held) -----------------------------------------------
 */

static int
put_line(struct buf *out, const struct entry *i)
{
	char rest[LINE_SIZE];

	int n = snprintf(rest, sizeof(rest), "%c %" PRId64 " %s",
			 letters[i->level], i->seen_s, i->name);
	if (n < 0 || (size_t)n >= sizeof(rest))
		return -1;
	return buf_addf(out, "%08x %s\n",
			(unsigned)crc32_add(0, rest, (size_t)n), rest);
}

/* Whole lines with the right checksum; all else says nothing. */
static bool
read_line(struct span line, struct entry *i, char name[TLS_MEMORY_NAME_SIZE])
{
	char crc[9];
	uint64_t seen;

	if (line.n < 14 || line.p[8] != ' ' || line.p[10] != ' ')
		return false;
	struct span rest = span_skip(line, 9);
	(void)snprintf(crc, sizeof(crc), "%08x",
		       (unsigned)crc32_add(0, rest.p, rest.n));
	if (memcmp(crc, line.p, 8) != 0)
		return false;
	const char *level = strchr(letters, rest.p[0]);
	struct span tail = span_skip(rest, 2);
	struct span number = span_word(&tail);
	if (level == NULL || *level == '\0' || span_u64(number, &seen) != 0 ||
	    seen > INT64_MAX || tail.n < 2 ||
	    span_copy(span_skip(tail, 1), name, TLS_MEMORY_NAME_SIZE) != 0)
		return false;
	i->level = (enum tls_level)(level - letters);
	i->seen_s = (int64_t)seen;
	return true;
}

static int
take_line(struct tls_memory *m, struct span line)
{
	char name[TLS_MEMORY_NAME_SIZE];
	struct entry i = { 0 };
	bool found;

	m->lines++;
	if (!read_line(line, &i, name))
		return 1;
	size_t at = place(m, name, &found);
	if (i.level == TLS_LEVEL_CLEAR) {
		if (found)
			remove_at(m, at);
		return 0;
	}
	struct entry *to = found ? &m->v[at] : insert(m, name);
	if (to == NULL)
		return -1;
	to->level = i.level;
	to->seen_s = to->written_s = i.seen_s;
	return 0;
}

static int
read_file(struct tls_memory *m, struct err *e)
{
	unsigned damaged = 0;
	char *text = NULL;
	size_t n = 0;

	if (durable_read_file(m->data_fd, file_name, FILE_MAX, &text, &n, e) !=
	    0)
		return e->sys == ENOENT ? 0 : -1;
	struct span rest = span_make(text, n);
	while (rest.n > 0) {
		long end = span_find(rest, '\n', 0);
		struct span line =
		    span_head(rest, end < 0 ? rest.n : (size_t)end);
		int rc = take_line(m, line);
		if (rc < 0) {
			free(text);
			return err_set(e, ERR_TEMP, ENOMEM, "%s", file_name);
		}
		damaged += rc > 0;
		rest = span_skip(rest, line.n + 1);
	}
	free(text);
	if (damaged > 0) {
		struct log_line l;
		log_begin(&l, LOG_WARN, "tls-memory-damaged");
		log_num(&l, "lines", damaged);
		log_end(&l);
	}
	return 0;
}

static int
write_all(struct tls_memory *m, struct err *e)
{
	struct buf out;
	int rc = 0;

	for (size_t i = m->n; i-- > 0;) {
		if (is_over(m, &m->v[i]))
			remove_at(m, i);
	}
	buf_init(&out, (m->n + 1) * LINE_SIZE);
	for (size_t i = 0; rc == 0 && i < m->n; i++)
		rc = put_line(&out, &m->v[i]);
	if (rc != 0)
		(void)err_set(e, ERR_TEMP, ENOMEM, "%s", file_name);
	else
		rc = durable_replace(m->data_fd, file_name, buf_span(&out),
				     0600, e);
	buf_free(&out);
	if (rc != 0)
		return -1;
	if (m->fd >= 0)
		(void)close(m->fd);
	m->lines = m->n;
	m->fd = openat(m->data_fd, file_name,
		       O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
	return m->fd >= 0 ? 0 : err_set(e, ERR_TEMP, errno, "%s", file_name);
}

static void
append(struct tls_memory *m, const struct entry *i)
{
	struct buf line;
	struct err e;

	buf_init(&line, LINE_SIZE);
	int rc = m->fd < 0 || m->lines > 2 * m->n + 1000
		     ? write_all(m, &e) /* with this entry */
		 : put_line(&line, i) != 0
		     ? err_set(&e, ERR_TEMP, ENOMEM, "%s", file_name)
		 : durable_write(m->fd, line.p, line.n, &e) != 0
		     ? -1
		     : durable_sync(m->fd, &e);
	m->lines++;
	buf_free(&line);
	if (rc == 0)
		return;
	log_failure(LOG_ERROR, "tls-memory-not-written", NULL, NULL, &e);
	/* A line that was begun must not spoil the next. */
	if (m->fd >= 0)
		(void)close(m->fd);
	m->fd = -1;
}

/* ---- use ----------------------------------------------------------------
 */

int
tls_memory_open(struct tls_memory **out, int data_fd, int64_t ttl_s,
		struct err *e)
{
	struct tls_memory *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "%s", file_name);
	m->data_fd = data_fd;
	m->ttl_s = ttl_s;
	m->fd = -1;
	(void)pthread_mutex_init(&m->lock, NULL);
	if (read_file(m, e) != 0) {
		tls_memory_free(&m);
		return -1;
	}
	*out = m;
	return 0;
}

void
tls_memory_free(struct tls_memory **out)
{
	struct tls_memory *m = *out;

	if (m == NULL)
		return;
	for (size_t i = 0; i < m->n; i++)
		free(m->v[i].name);
	free(m->v);
	if (m->fd >= 0)
		(void)close(m->fd);
	(void)pthread_mutex_destroy(&m->lock);
	free(m);
	*out = NULL;
}

enum tls_level
tls_memory_get(struct tls_memory *m, const char *name)
{
	enum tls_level level = TLS_LEVEL_CLEAR;
	bool found;

	(void)pthread_mutex_lock(&m->lock);
	size_t i = place(m, name, &found);
	if (found && !is_over(m, &m->v[i]))
		level = m->v[i].level;
	(void)pthread_mutex_unlock(&m->lock);
	return level;
}

void
tls_memory_note(struct tls_memory *m, const char *name, enum tls_level level)
{
	int64_t now_s = clock_wall_s();
	bool found;

	if (level == TLS_LEVEL_CLEAR || m->ttl_s == 0 ||
	    strlen(name) >= TLS_MEMORY_NAME_SIZE)
		return;
	(void)pthread_mutex_lock(&m->lock);
	size_t at = place(m, name, &found);
	struct entry *i = found ? &m->v[at] : insert(m, name);
	if (i != NULL) {
		bool stale = found && is_over(m, i);
		if (level > i->level || stale) {
			i->level = level;
			i->written_s = 0;
		}
		/* A lower level that was let pass does not prolong a higher. */
		if (level == i->level)
			i->seen_s = now_s;
		if (i->seen_s - i->written_s >= SEEN_AGAIN_S) {
			i->written_s = i->seen_s;
			append(m, i);
		}
	}
	(void)pthread_mutex_unlock(&m->lock);
}

bool
tls_memory_forget(struct tls_memory *m, const char *name)
{
	bool found;

	(void)pthread_mutex_lock(&m->lock);
	size_t at = place(m, name, &found);
	if (found) {
		m->v[at].level = TLS_LEVEL_CLEAR;
		append(m, &m->v[at]);
		at = place(m, name, &found);
		if (found)
			remove_at(m, at);
	}
	(void)pthread_mutex_unlock(&m->lock);
	return found;
}

bool
tls_memory_next(struct tls_memory *m, const char *name,
		struct tls_memory_item *item)
{
	bool found;

	(void)pthread_mutex_lock(&m->lock);
	size_t i = place(m, name, &found);
	i += found ? 1 : 0;
	while (i < m->n && is_over(m, &m->v[i]))
		i++;
	bool more = i < m->n;
	if (more) {
		(void)snprintf(item->name, sizeof(item->name), "%s",
			       m->v[i].name);
		item->level = m->v[i].level;
		item->seen_s = m->v[i].seen_s;
		item->expires_s = m->v[i].seen_s + m->ttl_s;
	}
	(void)pthread_mutex_unlock(&m->lock);
	return more;
}
