#include "sender/login_limits.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/span.h"
#include "mail/address.h"

/*
 * The file is text, one line a login: the number of the window, then what was
 * counted in it and in the one before, for messages and for recipients, then
 * the login.  A line that is none is left out: to lose a count is no harm.  It
 * is not synced either: what a power cut loses is an hour's count.
 */
enum {
	SAVE_MS = 5000, /* at most so often */
	LINE_BYTES = ADDRESS_SIZE + 120,
	FILE_MAX = LOGIN_LIMITS_MAX * LINE_BYTES,
};

static const int64_t WINDOW = LOGIN_LIMITS_WINDOW_MS;
static const char temporary[] = LOGIN_LIMITS_FILE ".new";

struct login_count {
	char login[ADDRESS_SIZE]; /* "": free */
	int64_t window;
	int64_t now[LOGIN_LIMITS], before[LOGIN_LIMITS];
	int64_t told[LOGIN_LIMITS]; /* the window in which it was */
};

struct login_limits {
	int64_t most[LOGIN_LIMITS];
	int dirfd;
	pthread_mutex_t lock; /* guards the rest */
	struct login_count *v;
	size_t n;
	bool dirty;
	int64_t saved_ms;
};

/* ---- counting -------------------------------------------------------------
 */

/* Bring an entry to the window of now_ms; one of the future (the clock was set
 * back) begins anew. */
static void
advance(struct login_count *c, int64_t now_ms)
{
	int64_t w = now_ms / WINDOW;

	for (int i = 0; w != c->window && i < LOGIN_LIMITS; i++) {
		c->before[i] = w == c->window + 1 ? c->now[i] : 0;
		c->now[i] = 0;
	}
	c->window = w;
}

static int64_t
weight(const struct login_count *c, enum login_limit what, int64_t now_ms)
{
	int64_t left = WINDOW - now_ms % WINDOW;

	return c->now[what] + c->before[what] * left / WINDOW;
}

/* The longest part of a window of which `n` still count less than `room`. */
static int64_t
part_below(int64_t n, int64_t room)
{
	return n <= 0 ? WINDOW : (room * WINDOW + n - 1) / n - 1;
}

/* When is there room for one more?  weight() >= most now. */
static int64_t
time_left(const struct login_count *c, enum login_limit what, int64_t most,
	  int64_t now_ms)
{
	int64_t left = WINDOW - now_ms % WINDOW;
	int64_t now = c->now[what];

	return now < most ? left - part_below(c->before[what], most - now)
			  : left + WINDOW - part_below(now, most);
}

static struct login_count *
find(struct login_limits *l, const char *login)
{
	for (size_t i = 0; i < l->n; i++) {
		if (strcmp(l->v[i].login, login) == 0)
			return &l->v[i];
	}
	return NULL;
}

/* The login's entry, or the one to give up for it. */
static struct login_count *
entry_of(struct login_limits *l, const char *login, int64_t now_ms)
{
	struct login_count *c = find(l, login), *least = &l->v[0];

	if (c == NULL && l->n < LOGIN_LIMITS_MAX) {
		least = &l->v[l->n++];
	} else if (c == NULL) {
		for (size_t i = 0; i < l->n; i++) {
			advance(&l->v[i], now_ms);
			if (weight(&l->v[i], LOGIN_RECIPIENTS, now_ms) <
			    weight(least, LOGIN_RECIPIENTS, now_ms))
				least = &l->v[i];
		}
	}
	if (c == NULL) {
		c = least;
		*c = (struct login_count){ .window = now_ms / WINDOW };
		(void)snprintf(c->login, sizeof(c->login), "%s", login);
	}
	advance(c, now_ms);
	return c;
}

/* ---- the file -------------------------------------------------------------
 */

static int
format_all(const struct login_limits *l, struct buf *out)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct login_count *c = &l->v[i];
		if (buf_addf(out,
			     "%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64
			     " %" PRId64 " %s\n",
			     c->window, c->now[0], c->before[0], c->now[1],
			     c->before[1], c->login) != 0)
			return -1;
	}
	return 0;
}

static int
write_all(int fd, struct span s)
{
	while (s.n > 0) {
		ssize_t n = write(fd, s.p, s.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		s = span_skip(s, (size_t)n);
	}
	return 0;
}

/* Under the lock: it is small, and written at most every SAVE_MS. */
static void
save(struct login_limits *l, int64_t now_ms)
{
	struct buf out;
	struct err e;

	l->dirty = false;
	l->saved_ms = now_ms;
	buf_init(&out, FILE_MAX);
	int fd =
	    openat(l->dirfd, temporary,
		   O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int rc = fd < 0 || format_all(l, &out) != 0
		     ? -1
		     : write_all(fd, buf_span(&out));
	if (rc == 0)
		rc = renameat(l->dirfd, temporary, l->dirfd, LOGIN_LIMITS_FILE);
	if (rc != 0) {
		(void)err_set(&e, ERR_TEMP, errno, LOGIN_LIMITS_FILE);
		log_failure(LOG_WARN, "limits-not-saved", NULL, NULL, &e);
	}
	if (fd >= 0)
		(void)close(fd);
	buf_free(&out);
}

static bool
take_number(struct span *line, int64_t *n)
{
	uint64_t value = 0;

	if (span_u64(span_word(line), &value) != 0 || value > INT32_MAX)
		return false;
	*n = (int64_t)value;
	return true;
}

static void
load_line(struct login_limits *l, struct span line)
{
	struct login_count c = { .window = 0 };

	if (l->n < LOGIN_LIMITS_MAX && take_number(&line, &c.window) &&
	    take_number(&line, &c.now[0]) && take_number(&line, &c.before[0]) &&
	    take_number(&line, &c.now[1]) && take_number(&line, &c.before[1]) &&
	    span_copy(span_trim(line), c.login, sizeof(c.login)) == 0 &&
	    c.login[0] != '\0' && find(l, c.login) == NULL)
		l->v[l->n++] = c;
}

static int
load(struct login_limits *l, struct err *e)
{
	char *text = malloc(FILE_MAX);
	size_t n = 0;
	ssize_t got = 0;

	if (text == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, LOGIN_LIMITS_FILE);
	int fd = openat(l->dirfd, LOGIN_LIMITS_FILE,
			O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	while (fd >= 0 && n < FILE_MAX &&
	       (got = read(fd, text + n, FILE_MAX - n)) > 0)
		n += (size_t)got;
	if (fd >= 0)
		(void)close(fd);
	struct span rest = span_make(text, n);
	long lf;
	while ((lf = span_find(rest, '\n', 0)) >= 0) {
		load_line(l, span_head(rest, (size_t)lf));
		rest = span_skip(rest, (size_t)lf + 1);
	}
	free(text);
	return 0;
}

/* ---- life -----------------------------------------------------------------
 */

int
login_limits_open(struct login_limits **out, int dirfd,
		  const int64_t most[LOGIN_LIMITS], struct err *e)
{
	struct login_limits *l = calloc(1, sizeof(*l));

	*out = NULL;
	if (l == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "limits of logins");
	memcpy(l->most, most, sizeof(l->most));
	l->dirfd = dirfd;
	(void)pthread_mutex_init(&l->lock, NULL);
	l->v = calloc(LOGIN_LIMITS_MAX, sizeof(*l->v));
	if (l->v == NULL) {
		(void)err_set(e, ERR_TEMP, ENOMEM, "limits of logins");
		login_limits_free(&l);
		return -1;
	}
	if (load(l, e) != 0) {
		login_limits_free(&l);
		return -1;
	}
	*out = l;
	return 0;
}

void
login_limits_free(struct login_limits **out)
{
	struct login_limits *l = *out;

	if (l == NULL)
		return;
	if (l->v != NULL && l->dirty)
		save(l, 0);
	(void)pthread_mutex_destroy(&l->lock);
	free(l->v);
	free(l);
	*out = NULL;
}

static void
changed(struct login_limits *l, int64_t now_ms)
{
	l->dirty = true;
	if (now_ms < l->saved_ms || now_ms >= l->saved_ms + SAVE_MS)
		save(l, now_ms);
}

int64_t
login_limits_take(struct login_limits *l, const char *login,
		  enum login_limit what, int64_t now_ms, bool *first)
{
	int64_t most = l->most[what], wait_ms = 0;

	*first = false;
	if (most <= 0)
		return 0;
	(void)pthread_mutex_lock(&l->lock);
	struct login_count *c = entry_of(l, login, now_ms);
	if (weight(c, what, now_ms) < most) {
		c->now[what]++;
		changed(l, now_ms);
	} else {
		wait_ms = time_left(c, what, most, now_ms);
		wait_ms = wait_ms < 1000 ? 1000 : wait_ms;
		*first = c->told[what] != c->window;
		c->told[what] = c->window;
	}
	(void)pthread_mutex_unlock(&l->lock);
	return wait_ms;
}

void
login_limits_give(struct login_limits *l, const char *login,
		  enum login_limit what, int64_t n, int64_t now_ms)
{
	if (l->most[what] <= 0 || n <= 0)
		return;
	(void)pthread_mutex_lock(&l->lock);
	struct login_count *c = find(l, login);
	if (c != NULL) {
		advance(c, now_ms);
		c->now[what] = c->now[what] > n ? c->now[what] - n : 0;
		changed(l, now_ms);
	}
	(void)pthread_mutex_unlock(&l->lock);
}
