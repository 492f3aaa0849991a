#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log_writer.h"
#include "base/visible.h"

/* The program's one log target: shared by all threads (see LAYERS waiver). */
static atomic_int log_fd = STDERR_FILENO;
static atomic_int log_least = LOG_INFO;

int
log_open(const char *path, enum log_level least, struct err *e)
{
	int fd = STDERR_FILENO;

	if (path != NULL && path[0] != '\0') {
		int got =
		    open(path,
			 O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
			 0640);
		if (got < 0)
			return err_set(e, ERR_PERM, errno,
				       "cannot open log file %s", path);
		/*
		 * A thread may be writing to the old target right now, so it is
		 * replaced under its number and never closed.
		 */
		int old = atomic_load(&log_fd);
		if (old > STDERR_FILENO) {
			int rc = dup3(got, old, O_CLOEXEC);
			(void)close(got);
			if (rc < 0)
				return err_set(e, ERR_TEMP, errno,
					       "cannot reopen log file %s",
					       path);
			got = old;
		}
		fd = got;
	}
	atomic_store(&log_fd, fd);
	atomic_store(&log_least, (int)least);
	return 0;
}

static const char *const level_names[] = { "debug", "info", "warn", "error" };

enum { LOG_TAIL = 12 }; /* a quote, " cut=true\n" and a margin */

static void
put(struct log_line *l, const char *p, size_t n)
{
	size_t used = l->n, limit = LOG_LINE_MAX - LOG_TAIL;
	size_t room = used < limit ? limit - used : 0;

	if (n > room) {
		n = room;
		l->cut = 1;
	}
	memcpy(l->text + l->n, p, n);
	l->n += (unsigned)n;
}

void
log_begin(struct log_line *l, enum log_level level, const char *event)
{
	char when[32];

	l->n = 0;
	l->cut = 0;
	l->urgent = level >= LOG_WARN;
	l->muted = (int)level < atomic_load(&log_least);
	if (l->muted)
		return;
	clock_utc_text(clock_wall_us(), when, sizeof(when));
	put(l, when, strlen(when));
	put(l, " ", 1);
	put(l, level_names[level], strlen(level_names[level]));
	put(l, " ", 1);
	put(l, event, strlen(event));
}

static bool
needs_quotes(struct span v)
{
	if (v.n == 0)
		return true;
	for (size_t i = 0; i < v.n; i++) {
		unsigned char c = (unsigned char)v.p[i];
		if (c <= 0x20 || c >= 0x7f || c == '"' || c == '=' || c == '\\')
			return true;
	}
	return false;
}

/* The next character of a quoted value; false when there is no room. */
static bool
put_quoted(struct log_line *l, struct span *v)
{
	char esc[5];
	size_t n = visible_next(*v); /* 0: escape the first byte */
	struct span out = span_head(*v, n);

	if (n == 0) {
		(void)snprintf(esc, sizeof(esc), "\\x%02x",
			       (unsigned)(unsigned char)v->p[0]);
		out = span_make(esc, 4);
	} else if (v->p[0] == '"' || v->p[0] == '\\') {
		esc[0] = '\\';
		esc[1] = v->p[0];
		out = span_make(esc, 2);
	}
	if (out.n + l->n > LOG_LINE_MAX - LOG_TAIL) {
		l->cut = 1;
		return false;
	}
	put(l, out.p, out.n);
	*v = span_skip(*v, n == 0 ? 1 : n);
	return true;
}

void
log_span(struct log_line *l, const char *key, struct span v)
{
	if (l->muted || l->cut)
		return;
	put(l, " ", 1);
	put(l, key, strlen(key));
	put(l, "=", 1);
	if (!needs_quotes(v)) {
		put(l, v.p, v.n);
		return;
	}
	put(l, "\"", 1);
	if (l->cut) /* not even the value's quote fits */
		return;
	while (v.n > 0 && put_quoted(l, &v))
		;
	/* LOG_TAIL has room for it: a cut value is closed too, so that
	 * " cut=true" never seems to be part of what a peer said. */
	l->text[l->n++] = '"';
}

void
log_str(struct log_line *l, const char *key, const char *value)
{
	log_span(l, key, span_of(value));
}

void
log_num(struct log_line *l, const char *key, int64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%lld", (long long)value);
	log_span(l, key, span_of(text));
}

void
log_err(struct log_line *l, const struct err *e)
{
	log_str(l, "class", err_class_name(e->class));
	log_str(l, "reason", e->msg);
}

void
log_end(struct log_line *l)
{
	static const char cut[] = " cut=true";

	if (l->muted)
		return;
	if (l->cut) {
		memcpy(l->text + l->n, cut, sizeof(cut) - 1);
		l->n += (unsigned)sizeof(cut) - 1;
	}
	l->text[l->n++] = '\n';
	log_writer_put(atomic_load(&log_fd), l->text, l->n, l->urgent);
}

void
log_event(enum log_level level, const char *event, const char *key,
	  const char *value)
{
	struct log_line l;

	log_begin(&l, level, event);
	if (key != NULL)
		log_str(&l, key, value);
	log_end(&l);
}

void
log_failure(enum log_level level, const char *event, const char *key,
	    const char *value, const struct err *e)
{
	struct log_line l;

	log_begin(&l, level, event);
	if (key != NULL)
		log_str(&l, key, value);
	log_err(&l, e);
	log_end(&l);
}
