#include "sender/pickup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crc32.h"
#include "base/durable.h"
#include "base/log.h"
#include "base/rand.h"
#include "mail/utf8.h"
#include "sender/pickup_private.h"

/*
 * The directory.  postpair-drop alone makes files in it, by the rights of its
 * group (mode 0730), so a file's owner is who sends it; what it says is his
 * word, and is looked at with care:
 *
 *  - Opened without following a link and without waiting (a FIFO), then looked
 *    at by descriptor: a regular file with one name and nobody else's to write.
 *    A second name, or leave to write for others, would let somebody put his
 *    words into a file that belongs to another, and so speak for him.
 *  - The name is ours: 32 hexadecimal digits.  "tmp." is before them while a
 *    file is written; left over, it goes after a day and a half.
 *  - What is no such file is removed, with a line in the log: it is nobody's
 *    message.  What is one and damaged is kept as "dead.", for a person, who
 * has a month, and for each owner so many: everybody can have the server refuse
 *    what asks for no report.
 *  - What goes for its age goes by a clock that running time bears out: one
 * that jumps removes nothing (base/clock_steady.h).
 */
enum {
	NAME_DIGITS = 32,
	LEFTOVER_S = 36 * 3600,
	DEAD_S = 30 * 24 * 3600,
	DEAD_MAX = 100,      /* of one owner */
	SCAN_MS = 60 * 1000, /* also without a sign of change */
	PIECE = 32 * 1024,
};

/* ---- one file -------------------------------------------------------------
 */

/* Was the same said when we looked the last time? */
static bool
was_said(struct pickup *p, const char *event, const char *name,
	 const struct err *e)
{
	struct pickup_said *now = &p->said[0];
	const struct pickup_said *before = &p->said[1];
	char text[512];

	int n = snprintf(text, sizeof(text), "%s %s %s", event, name,
			 e != NULL ? e->msg : "");
	size_t size = n < 0 ? 0 : (size_t)n;
	uint64_t line = siphash(&p->said_key, text,
				size < sizeof(text) ? size : sizeof(text) - 1);
	if (now->n < PICKUP_SAID_MAX)
		now->line[now->n++] = line;
	for (size_t i = 0; i < before->n; i++) {
		if (before->line[i] == line)
			return true;
	}
	return false;
}

static void
note(struct pickup *p, enum log_level level, const char *event,
     const char *name, const struct pickup_file *f, const struct err *e)
{
	struct log_line l;

	if (was_said(p, event, name, e))
		level = LOG_DEBUG;
	log_begin(&l, level, event);
	log_str(&l, "file", name);
	if (f != NULL) {
		log_num(&l, "uid", (int64_t)f->uid);
		log_num(&l, "size", f->size_bytes);
	}
	if (e != NULL)
		log_err(&l, e);
	log_end(&l);
}

/* Is it what postpair-sendmail makes, and the word of its owner alone? */
static int
look_at(struct pickup_file *f, int64_t size_max, struct err *e)
{
	struct stat st;

	if (fstat(f->fd, &st) != 0)
		return err_set(e, ERR_TEMP, errno, "%s", f->name);
	f->uid = st.st_uid;
	f->size_bytes = st.st_size;
	f->written_s = st.st_mtim.tv_sec;
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_PERM, 0, "no regular file");
	if (st.st_nlink != 1)
		return err_set(e, ERR_PERM, 0, "it has another name");
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return err_set(e, ERR_PERM, 0, "others may write to it");
	if (st.st_size > size_max + DROP_HEAD_MAX)
		return err_set(e, ERR_PERM, 0, "too large");
	return 0;
}

static int
read_head(struct pickup_file *f, struct err *e)
{
	f->head = malloc(DROP_HEAD_MAX);
	if (f->head == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "maildrop file");
	ssize_t n = pread(f->fd, f->head, DROP_HEAD_MAX, 0);
	if (n < 0)
		return err_set(e, ERR_TEMP, errno, "%s", f->name);
	if (drop_parse(span_make(f->head, (size_t)n), &f->d, &f->head_bytes,
		       e) != 0)
		return -1;
	if (f->d.size_bytes != f->size_bytes - (int64_t)f->head_bytes)
		return err_set(
		    e, ERR_PERM, 0, "%lld bytes of message, and not %lld",
		    (long long)(f->size_bytes - (int64_t)f->head_bytes),
		    (long long)f->d.size_bytes);
	return 0;
}

/* The whole message once: is it what was written? */
static int
check_message(struct pickup_file *f, struct err *e)
{
	char *piece = malloc(PIECE);
	off_t at = (off_t)f->head_bytes;
	uint32_t crc = 0;
	ssize_t n;

	if (piece == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "maildrop file");
	while ((n = pread(f->fd, piece, PIECE, at)) > 0) {
		crc = crc32_add(crc, piece, (size_t)n);
		f->eight_bit |= !utf8_is_ascii(span_make(piece, (size_t)n));
		at += n;
	}
	int sys = errno;
	free(piece);
	if (n < 0)
		return err_set(e, ERR_TEMP, sys, "%s", f->name);
	if (crc != f->d.crc)
		return err_set(e, ERR_PERM, 0, "its checksum is wrong");
	return 0;
}

static void
stuck(struct pickup *p, const char *name, const char *what)
{
	struct err e;

	(void)err_set(&e, ERR_TEMP, errno, "cannot be %s", what);
	note(p, LOG_ERROR, "maildrop-stuck", name, NULL, &e);
}

/* 0, or -1: it stays, and that is in the log. */
static int
remove_entry(struct pickup *p, const char *name)
{
	if (unlinkat(p->dir_fd, name, 0) == 0 ||
	    (errno == EISDIR && unlinkat(p->dir_fd, name, AT_REMOVEDIR) == 0))
		return 0;
	stuck(p, name, "removed");
	return -1;
}

static bool
is_dead(const char *name)
{
	return strncmp(name, "dead.", 5) == 0;
}

/* How many of this owner's were set aside; -1: that cannot be told. */
static int
count_dead(const struct pickup *p, uid_t uid)
{
	int fd = openat(p->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *at;
	struct stat st;
	int n = 0;

	if (d == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return -1;
	}
	while ((at = readdir(d)) != NULL)
		n += is_dead(at->d_name) &&
		     fstatat(p->dir_fd, at->d_name, &st, AT_SYMLINK_NOFOLLOW) ==
			 0 &&
		     st.st_uid == uid;
	(void)closedir(d);
	return n;
}

static int
set_aside(struct pickup *p, const struct pickup_file *f)
{
	char dead[NAME_DIGITS + 8], as[DURABLE_NAME_SIZE];
	const char *name = f->name;
	struct err e;

	if (count_dead(p, f->uid) >= DEAD_MAX) {
		(void)err_set(&e, ERR_LIMIT, 0,
			      "%d files of this owner are set aside already",
			      DEAD_MAX);
		note(p, LOG_ERROR, "maildrop-dropped", name, f, &e);
		return remove_entry(p, name);
	}
	(void)snprintf(dead, sizeof(dead), "dead.%.*s", NAME_DIGITS, name);
	if (durable_set_aside(p->dir_fd, name, p->dir_fd, dead, as, &e) == 0)
		return 0;
	errno = e.sys;
	stuck(p, name, "set aside");
	return -1;
}

static bool
was_taken(const struct pickup *p, const char *name)
{
	for (size_t i = 0; i < p->n_taken; i++) {
		if (strcmp(p->taken[i], name) == 0)
			return true;
	}
	return false;
}

/* It is in the queue, or some of it.  One that stays all the same must not get
 * there a second time. */
static void
finish(struct pickup *p, const struct pickup_file *f, bool damaged)
{
	struct err e;

	if ((damaged ? set_aside(p, f) : remove_entry(p, f->name)) == 0)
		(void)durable_sync(p->dir_fd, &e);
	else
		(void)snprintf(p->taken[p->n_taken++], PICKUP_NAME_SIZE, "%s",
			       f->name);
}

/* Is this one to wait with the others of its owner?  What has waited too long
 * is to be reported. */
static bool
must_wait(const struct pickup *p, const struct pickup_file *f)
{
	int64_t age_s = clock_wall_s() - f->written_s;

	for (size_t i = 0; i < p->n_over; i++) {
		if (p->over[i] == f->uid)
			return age_s * 1000 < p->o.expiry_ms;
	}
	return false;
}

static void
take_open_file(struct pickup *p, struct pickup_file *f)
{
	struct err e = { 0 };

	if (look_at(f, p->o.size_max_bytes, &e) != 0) {
		note(p, LOG_WARN, "maildrop-refused", f->name, f, &e);
		if (e.class == ERR_PERM)
			(void)remove_entry(p, f->name);
		return;
	}
	if (must_wait(p, f))
		return;
	enum pickup_result got = PICKUP_LATER;
	if (read_head(f, &e) == 0 && check_message(f, &e) == 0)
		got = pickup_send(p, f, &e);
	else if (e.class == ERR_PERM)
		got = PICKUP_DAMAGED;
	switch (got) {
	case PICKUP_TAKEN:
		note(p, LOG_INFO, "maildrop-taken", f->name, f, NULL);
		finish(p, f, false);
		break;
	case PICKUP_LATER:
		note(p, LOG_WARN, "maildrop-later", f->name, f, &e);
		if (f->over_limit && p->n_over < PICKUP_OVER_MAX)
			p->over[p->n_over++] = f->uid;
		break;
	case PICKUP_DAMAGED:
		note(p, LOG_ERROR, "maildrop-damaged", f->name, f, &e);
		finish(p, f, true);
		break;
	}
}

static void
take_file(struct pickup *p, const char *name)
{
	struct pickup_file *f;
	struct err e;

	if (was_taken(p, name)) {
		(void)remove_entry(p, name);
		return;
	}
	f = calloc(1, sizeof(*f));
	if (f == NULL || p->n_taken == PICKUP_TAKEN_MAX) {
		free(f);
		return; /* the next look, or the next start, will find it */
	}
	f->name = name;
	f->fd =
	    openat(p->dir_fd, name,
		   O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (f->fd < 0) {
		int sys = errno;
		(void)err_set(&e, ERR_PERM, sys, "cannot open it");
		note(p, LOG_WARN, "maildrop-refused", name, NULL, &e);
		/* a link, a socket, a file its owner keeps from us: no message
		 */
		if (sys == ELOOP || sys == ENXIO || sys == EACCES ||
		    sys == EPERM)
			(void)remove_entry(p, name);
		free(f);
		return;
	}
	take_open_file(p, f);
	free(f->head);
	(void)close(f->fd);
	free(f);
}

/* ---- all of them ----------------------------------------------------------
 */

static bool
is_ours(const char *name)
{
	return strspn(name, "0123456789abcdef") == NAME_DIGITS &&
	       name[NAME_DIGITS] == '\0';
}

/* What is being written, or whatever else: it goes when it is old.  What was
 * set aside is as old as its name. */
static void
clean(struct pickup *p, const char *name)
{
	bool dead = is_dead(name);
	struct stat st;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
	    fstatat(p->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return;
	int64_t since_s = dead ? st.st_ctim.tv_sec : st.st_mtim.tv_sec;
	if (!clock_steady_is_past(&p->clock, since_s,
				  dead ? DEAD_S : LEFTOVER_S) ||
	    (dead && !S_ISREG(st.st_mode)))
		return;
	note(p, LOG_WARN, dead ? "maildrop-dead-removed" : "maildrop-leftover",
	     name, NULL, NULL);
	(void)remove_entry(p, name);
}

/* Not everything was looked at: what was said of the rest is still said. */
static void
keep_said(struct pickup *p)
{
	struct pickup_said *now = &p->said[0];
	const struct pickup_said *before = &p->said[1];
	size_t seen = now->n;

	for (size_t i = 0; i < before->n && now->n < PICKUP_SAID_MAX; i++) {
		size_t at = 0;
		while (at < seen && now->line[at] != before->line[i])
			at++;
		if (at == seen)
			now->line[now->n++] = before->line[i];
	}
}

static void
scan(struct pickup *p)
{
	/* a description of its own: the offset is not shared */
	int fd = openat(p->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *at;

	p->said[1] = p->said[0];
	p->said[0].n = 0;
	p->n_over = 0;
	if (d == NULL) {
		stuck(p, ".", "opened");
		keep_said(p);
		if (fd >= 0)
			(void)close(fd);
		return;
	}
	while (!wake_is_raised(&p->stop)) {
		errno = 0;
		at = readdir(d);
		if (at == NULL && errno != 0) {
			stuck(p, ".", "read to its end");
			keep_said(p);
		}
		if (at == NULL)
			break;
		if (is_ours(at->d_name))
			take_file(p, at->d_name);
		else
			clean(p, at->d_name);
	}
	(void)closedir(d);
}

static void
run(void *arg)
{
	struct pickup *p = arg;
	char events[512];

	while (!wake_is_raised(&p->stop)) {
		struct pollfd w[2] = {
			{ .fd = p->watch_fd, .events = POLLIN },
			{ .fd = wake_fd(&p->stop), .events = POLLIN },
		};
		/* what comes while we look is seen by the next look */
		while (p->watch_fd >= 0 &&
		       read(p->watch_fd, events, sizeof(events)) > 0)
			;
		scan(p);
		(void)poll(w, 2, SCAN_MS);
	}
}

/* ---- life -----------------------------------------------------------------
 */

static int
open_dir(struct pickup *p, struct err *e)
{
	const char *path = p->o.path;
	struct stat st;

	/* Whoever can put a file there can speak for its owner: rename(2)
	 * keeps the owner, and root may have copied it into a directory of
	 * somebody else. */
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return err_set(e, ERR_PERM, errno, "maildrop %s", path);
	p->dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (p->dir_fd < 0 || fstat(p->dir_fd, &st) != 0)
		return err_set(e, ERR_PERM, errno, "maildrop %s", path);
	if (st.st_uid != geteuid())
		return err_set(e, ERR_PERM, 0,
			       "maildrop %s must belong to the server's user",
			       path);
	if ((st.st_mode & 07777) != 0730 && (st.st_mode & 07777) != 0700)
		return err_set(e, ERR_PERM, 0,
			       "maildrop %s: its mode is %04o, and must be 0730"
			       " with the group of postpair-drop (or 0700, for"
			       " our user alone)",
			       path, (unsigned)st.st_mode & 07777);
	return 0;
}

int
pickup_new(struct pickup **out, const struct pickup_options *o, struct err *e)
{
	struct pickup *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "maildrop");
	p->o = *o;
	clock_steady_begin(&p->clock);
	p->dir_fd = p->watch_fd = p->stop.fd = -1;
	rand_bytes(&p->said_key, sizeof(p->said_key));
	if (wake_init(&p->stop, e) != 0 || open_dir(p, e) != 0)
		goto fail;
	/* Without it (no watches left) files wait for the next look. */
	p->watch_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (p->watch_fd >= 0)
		(void)inotify_add_watch(p->watch_fd, o->path,
					IN_MOVED_TO | IN_ONLYDIR);
	if (thread_start_joinable(&p->thread, run, p, e) != 0)
		goto fail;
	p->running = true;
	*out = p;
	return 0;
fail:
	pickup_free(&p);
	return -1;
}

void
pickup_free(struct pickup **out)
{
	struct pickup *p = *out;

	if (p == NULL)
		return;
	if (p->running) {
		wake_raise(&p->stop);
		(void)pthread_join(p->thread, NULL);
	}
	if (p->watch_fd >= 0)
		(void)close(p->watch_fd);
	if (p->dir_fd >= 0)
		(void)close(p->dir_fd);
	wake_close(&p->stop);
	free(p);
	*out = NULL;
}
