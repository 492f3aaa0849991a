#include "queue/trail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crc32.h"
#include "base/durable.h"
#include "base/log.h"

enum { SEEN = 4096, PENDING_MAX = 64 * 1024, DELAY_MS = 1000 };

/*
 * How much was written about a message is remembered by a place computed from
 * its id.  Two messages may share one and start to count anew: the bound for a
 * message is then a little soft, that of the ring never is.
 */
struct seen {
	char id[RAND_ID_SIZE];
	uint32_t bytes;
};

struct trail {
	int dir_fd;
	int64_t file_bytes;
	pthread_mutex_t lock; /* guards the rest */
	pthread_cond_t changed;
	pthread_t thread;
	bool has_thread, stop;
	int fd, current;
	int64_t size;       /* of the file, with what is pending for it */
	struct buf pending; /* not yet written */
	bool failed;        /* said so */
	struct seen seen[SEEN];
};

/* ---- one hop ------------------------------------------------------------
 */

void
trail_hop_begin(struct trail_hop *h)
{
	buf_init(&h->lines, TRAIL_HOP_MAX);
	h->last[0] = '\0';
}

void
trail_hop_clear(struct trail_hop *h)
{
	buf_free(&h->lines);
	h->last[0] = '\0';
}

/* "1795414937123 > EHLO localhost" */
void
trail_hop_line(struct trail_hop *h, char direction, struct span text)
{
	char line[sizeof(h->last)];

	text = span_head(span_trim(text), TRAIL_LINE_MAX);
	int n = snprintf(line, sizeof(line), "%013lld %c %.*s",
			 (long long)(clock_wall_us() / 1000), direction,
			 (int)text.n, text.n == 0 ? "" : text.p);
	for (int i = 0; i < n; i++) {
		unsigned char c = (unsigned char)line[i];
		if (c < 0x20 || c == 0x7f)
			line[i] = '?';
	}
	if (h->last[0] == '\0' && buf_addf(&h->lines, "%s\n", line) == 0)
		return;
	memcpy(h->last, line, sizeof(line));
}

void
trail_hop_linef(struct trail_hop *h, char direction, const char *fmt, ...)
{
	char text[TRAIL_LINE_MAX + 1];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	trail_hop_line(h, direction, span_of(text));
}

/* ---- files --------------------------------------------------------------
 */

static void
file_name(char name[16], int i)
{
	(void)snprintf(name, 16, "trail-%d", i);
}

/* Open the current file; a line cut off by a crash ends here. */
static int
open_current(struct trail *t, bool anew, struct err *e)
{
	char name[16], last = '\n';
	struct stat st;

	file_name(name, t->current);
	if (t->fd >= 0)
		(void)close(t->fd);
	t->fd = durable_open_file(
	    t->dir_fd, name, O_RDWR | O_APPEND | O_CREAT | (anew ? O_TRUNC : 0),
	    e);
	if (t->fd < 0)
		return err_prefix(e, "trails");
	if (fstat(t->fd, &st) != 0)
		return err_set(e, ERR_TEMP, errno, "trails/%s", name);
	t->size = st.st_size;
	if (t->size > 0 && pread(t->fd, &last, 1, st.st_size - 1) == 1 &&
	    last != '\n') {
		if (durable_write(t->fd, "\n", 1, e) != 0)
			return -1;
		t->size++;
	}
	return 0;
}

/* Go on where the newest lines are. */
static void
find_current(struct trail *t)
{
	struct timespec newest = { 0 };
	struct stat st;
	char name[16];

	for (int i = 0; i < TRAIL_FILES; i++) {
		file_name(name, i);
		if (fstatat(t->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		if (st.st_mtim.tv_sec < newest.tv_sec ||
		    (st.st_mtim.tv_sec == newest.tv_sec &&
		     st.st_mtim.tv_nsec < newest.tv_nsec))
			continue;
		newest = st.st_mtim;
		t->current = i;
	}
}

/* ---- what is pending ----------------------------------------------------
 */

/* A full disk is told of once; the queue has its own words for it. */
static void
note(struct trail *t, int rc, const struct err *e)
{
	if (rc != 0 && !t->failed)
		log_failure(LOG_WARN, "trail-not-written", NULL, NULL, e);
	t->failed = rc != 0;
}

/* Lock held. */
static void
flush(struct trail *t)
{
	struct err e;

	if (t->pending.n > 0)
		note(t, durable_write(t->fd, t->pending.p, t->pending.n, &e),
		     &e);
	buf_clear(&t->pending);
}

static void
run(void *arg)
{
	struct trail *t = arg;

	(void)pthread_mutex_lock(&t->lock);
	while (!t->stop) {
		if (t->pending.n == 0) {
			(void)cond_wait_until(&t->changed, &t->lock, -1);
			continue;
		}
		int64_t until = clock_mono_ms() + DELAY_MS;
		while (!t->stop &&
		       cond_wait_until(&t->changed, &t->lock, until) == 0)
			;
		flush(t);
	}
	(void)pthread_mutex_unlock(&t->lock);
}

static void
stop(struct trail *t)
{
	(void)pthread_mutex_lock(&t->lock);
	t->stop = true;
	flush(t);
	(void)pthread_cond_signal(&t->changed);
	(void)pthread_mutex_unlock(&t->lock);
	(void)pthread_join(t->thread, NULL);
}

/* ---- life ---------------------------------------------------------------
 */

void
trail_free(struct trail **out)
{
	struct trail *t = *out;

	if (t == NULL)
		return;
	if (t->has_thread)
		stop(t);
	if (t->fd >= 0)
		(void)close(t->fd);
	if (t->dir_fd >= 0)
		(void)close(t->dir_fd);
	buf_free(&t->pending);
	(void)pthread_cond_destroy(&t->changed);
	(void)pthread_mutex_destroy(&t->lock);
	free(t);
	*out = NULL;
}

int
trail_open(struct trail **out, int data_fd, int64_t file_bytes, struct err *e)
{
	struct trail *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "trails");
	t->fd = -1;
	t->file_bytes = file_bytes;
	buf_init(&t->pending, PENDING_MAX);
	(void)pthread_mutex_init(&t->lock, NULL);
	cond_init_mono(&t->changed);
	t->dir_fd = durable_open_dir(data_fd, "trails", 1, e);
	if (t->dir_fd < 0)
		goto fail;
	find_current(t);
	if (open_current(t, false, e) != 0 ||
	    thread_start_joinable(&t->thread, run, t, e) != 0)
		goto fail;
	t->has_thread = true;
	*out = t;
	return 0;
fail:
	trail_free(&t);
	return -1;
}

/* ---- writing ------------------------------------------------------------
 */

/* The record of one line: checksum, id, line. */
static int
add_record(struct buf *out, const char *id, struct span line)
{
	uint32_t crc = crc32_add(0, id, strlen(id));

	crc = crc32_add(crc, line.p, line.n);
	return buf_addf(out, "%08x %s %.*s\n", (unsigned)crc, id, (int)line.n,
			line.p);
}

/* The hop as records; only its last line when the message has had its share. */
static int
format_hop(struct buf *out, const char *id, const struct trail_hop *h,
	   bool brief)
{
	struct span rest = buf_span(&h->lines), line = { NULL, 0 };
	int rc = 0;

	while (rest.n > 0 && rc == 0) {
		long lf = span_find(rest, '\n', 0);
		line = span_head(rest, (size_t)lf);
		rest = span_skip(rest, (size_t)lf + 1);
		if (!brief || (rest.n == 0 && h->last[0] == '\0'))
			rc = add_record(out, id, line);
	}
	if (rc == 0 && h->last[0] != '\0')
		rc = add_record(out, id, span_of(h->last));
	return rc;
}

static struct seen *
seen_of(struct trail *t, const char *id)
{
	struct seen *s = &t->seen[crc32_add(0, id, strlen(id)) % SEEN];

	if (strcmp(s->id, id) != 0) {
		(void)snprintf(s->id, sizeof(s->id), "%s", id);
		s->bytes = 0;
	}
	return s;
}

/* Lock held. */
static int
append(struct trail *t, const struct buf *text, struct err *e)
{
	if (t->size + (int64_t)text->n > t->file_bytes && t->size > 0) {
		flush(t);
		t->current = (t->current + 1) % TRAIL_FILES;
		if (open_current(t, true, e) != 0)
			return -1;
	}
	if (t->pending.n + text->n > PENDING_MAX)
		flush(t);
	t->size += (int64_t)text->n;
	if (t->pending.n == 0)
		(void)pthread_cond_signal(&t->changed);
	return buf_add_span(&t->pending, buf_span(text)) == 0
		   ? 0
		   : durable_write(t->fd, text->p, text->n, e);
}

/* How much the message may still say; notes that it says so much more. */
static bool
is_brief(struct trail *t, const char *id, const struct trail_hop *h)
{
	(void)pthread_mutex_lock(&t->lock);
	struct seen *s = seen_of(t, id);
	bool brief = s->bytes + h->lines.n > TRAIL_MESSAGE_MAX;
	s->bytes += (uint32_t)h->lines.n;
	(void)pthread_mutex_unlock(&t->lock);
	return brief;
}

void
trail_write(struct trail *t, const char *id, struct trail_hop *h)
{
	struct buf text;
	struct err e;

	if (t == NULL || h->lines.n == 0) {
		trail_hop_clear(h);
		return;
	}
	buf_init(&text, (size_t)8 * TRAIL_HOP_MAX);
	int rc = format_hop(&text, id, h, is_brief(t, id, h)) != 0
		     ? err_set(&e, ERR_TEMP, errno, "trail")
		     : 0;
	(void)pthread_mutex_lock(&t->lock);
	if (rc == 0)
		rc = append(t, &text, &e);
	if (rc != 0)
		note(t, rc, &e);
	(void)pthread_mutex_unlock(&t->lock);
	buf_free(&text);
	trail_hop_clear(h);
}

/* ---- reading ------------------------------------------------------------
 */

/* "CCCCCCCC id mmmmmmmmmmmmm > text": is it right? */
static bool
parse(struct span record, const char *id, int64_t *wall_ms, char *direction,
      struct span *text)
{
	size_t n = strlen(id), at = 8 + 1 + n + 1;
	char crc[9];
	uint64_t ms;

	if (record.n < at + 16 || record.p[8] != ' ' ||
	    memcmp(record.p + 9, id, n) != 0 || record.p[9 + n] != ' ')
		return false;
	struct span line = span_skip(record, at);
	(void)snprintf(
	    crc, sizeof(crc), "%08x",
	    (unsigned)crc32_add(crc32_add(0, id, n), line.p, line.n));
	if (memcmp(crc, record.p, 8) != 0 || line.p[13] != ' ' ||
	    line.p[15] != ' ' || span_u64(span_head(line, 13), &ms) != 0)
		return false;
	*wall_ms = (int64_t)ms; /* 13 digits: always fits */
	*direction = line.p[14];
	*text = span_skip(line, 16);
	return true;
}

/* Every record of the message in one file. */
static unsigned
scan(struct span text, const char *id,
     void (*see)(void *ctx, int64_t wall_ms, char direction, struct span text),
     void *ctx)
{
	unsigned damaged = 0;
	struct span line;
	int64_t wall_ms;
	char word[RAND_ID_SIZE + 2], direction;

	int n = snprintf(word, sizeof(word), " %s ", id);
	while (text.n > 0) {
		const char *hit = memmem(text.p, text.n, word, (size_t)n);
		if (hit == NULL)
			break;
		const char *from = hit;
		while (from > text.p && from[-1] != '\n')
			from--;
		size_t left = text.n - (size_t)(from - text.p);
		const char *lf = memchr(from, '\n', left);
		if (lf == NULL)
			break; /* being written */
		line = span_make(from, (size_t)(lf - from));
		struct span said;
		if (parse(line, id, &wall_ms, &direction, &said))
			see(ctx, wall_ms, direction, said);
		else if (hit == from + 8)
			damaged++;
		text = span_skip(text, (size_t)(lf + 1 - text.p));
	}
	return damaged;
}

int
trail_read(struct trail *t, const char *id,
	   void (*see)(void *ctx, int64_t wall_ms, char direction,
		       struct span text),
	   void *ctx, unsigned *damaged, struct err *e)
{
	char name[16];

	*damaged = 0;
	if (id[0] == '\0' || strlen(id) >= RAND_ID_SIZE)
		return err_set(e, ERR_PERM, 0, "not a message id");
	(void)pthread_mutex_lock(&t->lock);
	flush(t);
	int current = t->current;
	(void)pthread_mutex_unlock(&t->lock);
	/* The oldest is the one that will be overwritten next.  The others go
	 * on writing meanwhile: what is seen is what was there. */
	for (int i = 1; i <= TRAIL_FILES; i++) {
		char *text = NULL;
		size_t n = 0;
		file_name(name, (current + i) % TRAIL_FILES);
		if (durable_read_file(t->dir_fd, name,
				      (size_t)t->file_bytes + 65536, &text, &n,
				      e) != 0) {
			if (e->sys == ENOENT)
				continue;
			return -1;
		}
		*damaged += scan(span_make(text, n), id, see, ctx);
		free(text);
	}
	return 0;
}
