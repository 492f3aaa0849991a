#include "shell/user_file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/durable.h"
#include "shell/paths.h"

enum { STEP_MS = 20 };

/* Every directory on the way to the file; what cannot be made is told when the
 * file cannot be opened. */
static void
make_directories(const char *path)
{
	char buf[PATHS_SIZE];

	if (span_copy(span_of(path), buf, sizeof(buf)) != 0)
		return;
	for (char *p = buf + 1; (p = strchr(p, '/')) != NULL; p++) {
		*p = '\0';
		(void)mkdir(buf, 0700);
		*p = '/';
	}
}

/* A file kept elsewhere (~/dotfiles/contacts) stays there. */
static int
follow(const char *path, char buf[PATHS_SIZE], struct err *e)
{
	struct stat st;

	if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode)) {
		char *real = realpath(path, NULL);
		int rc = real == NULL
			     ? -1
			     : span_copy(span_of(real), buf, PATHS_SIZE);

		free(real);
		return rc == 0 ? 0 : err_set(e, ERR_TEMP, errno, "%s", path);
	}
	if (span_copy(span_of(path), buf, PATHS_SIZE) != 0)
		return err_set(e, ERR_PERM, ENAMETOOLONG, "%s", path);
	return 0;
}

static int
take_lock(struct user_file *f, struct err *e)
{
	int64_t end = clock_mono_ms() + USER_FILE_LOCK_MS;
	char name[sizeof(f->name) + 8];

	(void)snprintf(name, sizeof(name), "%s.lock", f->name);
	f->lock = openat(f->dir, name,
			 O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (f->lock < 0)
		return err_set(e, ERR_TEMP, errno, "cannot open %s", name);
	while (flock(f->lock, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_set(e, ERR_TEMP, errno, "cannot lock %s",
				       name);
		if (clock_mono_ms() >= end)
			return err_set(e, ERR_TEMP, 0,
				       "another mailsh keeps %s locked", name);
		(void)poll(NULL, 0, STEP_MS);
	}
	return 0;
}

int
user_file_lock(struct user_file *f, const char *path, struct err *e)
{
	char real[PATHS_SIZE];
	char *slash;

	*f = (struct user_file){ .dir = -1, .lock = -1 };
	make_directories(path);
	if (follow(path, real, e) != 0)
		return -1;
	slash = strrchr(real, '/');
	if (slash == NULL ||
	    span_copy(span_of(slash + 1), f->name, sizeof(f->name)) != 0)
		return err_set(e, ERR_PERM, 0, "%s: not a path", path);
	slash[slash == real] = '\0';
	f->dir = open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->dir < 0)
		return err_set(e, ERR_TEMP, errno, "%s", real);
	return take_lock(f, e) == 0 ? 0 : err_prefix(e, "%s", real);
}

int
user_file_open(struct user_file *f, const char *path, size_t max, struct err *e)
{
	if (user_file_lock(f, path, e) != 0)
		return -1;
	if (durable_read_file(f->dir, f->name, max, &f->text, &f->n, e) == 0)
		return 0;
	if (e->sys != ENOENT)
		return -1;
	f->text = strdup("");
	return f->text != NULL ? 0 : err_set(e, ERR_TEMP, ENOMEM, "%s", path);
}

int
user_file_replace(struct user_file *f, struct span bytes, struct err *e)
{
	return durable_replace(f->dir, f->name, bytes, 0600, e);
}

void
user_file_close(struct user_file *f)
{
	free(f->text);
	if (f->lock >= 0)
		(void)close(f->lock);
	if (f->dir >= 0)
		(void)close(f->dir);
	*f = (struct user_file){ .dir = -1, .lock = -1 };
}

int
user_file_line(struct span *rest, struct span *line, int whole)
{
	long lf = span_find(*rest, '\n', 0);
	size_t n = lf < 0 ? rest->n : (size_t)lf + 1;

	if (rest->n == 0)
		return 0;
	*line = span_head(*rest, n - (lf >= 0 && !whole));
	*rest = span_skip(*rest, n);
	return 1;
}
