#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/durable.h"
#include "shell/draft.h"
#include "shell/paths.h"

/*
 * Where the files of drafts are: with the history, since a runtime directory or
 * /tmp may be empty tomorrow.  Where that is full or cannot be, another place
 * is better than none.
 */
enum {
	PLACES = 3,
	TELL_MAX = 20, /* by name */
};
static const char SUFFIX[] = ".eml";

/* The directory of these files, and how their names begin; or NULL. */
static const char *
place(unsigned i, char dir[PATHS_SIZE])
{
	const char *tmp = i == 1 ? getenv("TMPDIR") : "/tmp";

	if (i == 0)
		return paths_state(dir, NULL) == 0 ? "draft-" : NULL;
	if (tmp == NULL || tmp[0] == '\0' || strlen(tmp) >= PATHS_SIZE)
		return NULL;
	(void)snprintf(dir, PATHS_SIZE, "%s", tmp);
	return "mailsh-draft-"; /* among files of others */
}

static bool
is_ours(const char *name, const char *prefix)
{
	size_t n = strlen(name), end = sizeof(SUFFIX) - 1;

	return n > strlen(prefix) + end &&
	       strncmp(name, prefix, strlen(prefix)) == 0 &&
	       strcmp(name + n - end, SUFFIX) == 0;
}

/* A new file there.  A descriptor, or -1 with *e; path is "" when there is no
 * such place. */
static int
file_at(unsigned i, char path[PATHS_SIZE], struct err *e)
{
	char dir[PATHS_SIZE];
	const char *prefix = place(i, dir);
	int fd;

	path[0] = '\0';
	if (prefix == NULL)
		return -1;
	if (snprintf(path, PATHS_SIZE, "%s/%sXXXXXX%s", dir, prefix, SUFFIX) >=
	    PATHS_SIZE)
		return err_set(e, ERR_LIMIT, 0, "the path is too long");
	fd = mkostemps(path, sizeof(SUFFIX) - 1, O_CLOEXEC); /* 0600, O_EXCL */
	return fd >= 0 ? fd : err_set(e, ERR_TEMP, errno, "%s", path);
}

int
draft_file(struct shell *sh, char path[PATHS_SIZE])
{
	struct err first = { 0 }, e = { 0 };

	for (unsigned i = 0; i < PLACES; i++) {
		int fd = file_at(i, path, &e);

		if (fd >= 0)
			return fd;
		if (first.msg[0] == '\0')
			first = e;
	}
	(void)failure_from_local(&sh->fail, &first);
	return -1;
}

static int
write_file(int fd, const char *path, struct span text, struct err *e)
{
	int rc = durable_write(fd, text.p, text.n, e);

	if (rc == 0)
		rc = durable_sync(fd, e);
	if (close(fd) != 0 && rc == 0)
		rc = err_set(e, ERR_TEMP, errno, "close");
	if (rc != 0) /* a piece of it would be taken for all of it */
		(void)unlink(path);
	return rc;
}

int
draft_put_file(struct shell *sh, struct span text, char path[PATHS_SIZE])
{
	struct err first = { 0 };
	char at[PATHS_SIZE];

	path[0] = '\0';
	for (unsigned i = 0; i < PLACES; i++) {
		struct err e = { 0 };
		int fd = file_at(i, at, &e);

		if (fd >= 0 && write_file(fd, at, text, &e) == 0) {
			memcpy(path, at, sizeof(at));
			return 0;
		}
		if (path[0] == '\0' && at[0] != '\0') {
			first = e;
			memcpy(path, at, sizeof(at));
		}
	}
	(void)failure_from_local(&sh->fail, &first);
	return -1;
}

/* Is it a file of ours that a draft was kept in? */
static bool
look(int dirfd, const char *name, const char *prefix, struct stat *st)
{
	return is_ours(name, prefix) &&
	       fstatat(dirfd, name, st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st->st_mode) && st->st_uid == geteuid();
}

static void
tell(struct shell *sh, const char *dir, const char *prefix)
{
	char *name[TELL_MAX] = { NULL };
	const struct dirent *d;
	struct stat st;
	size_t n = 0;
	DIR *there = opendir(dir);

	while (there != NULL && (d = readdir(there)) != NULL)
		if (look(dirfd(there), d->d_name, prefix, &st) &&
		    n++ < TELL_MAX)
			name[n - 1] = strdup(d->d_name);
	if (there != NULL)
		(void)closedir(there);
	if (n == 1 && name[0] != NULL)
		shell_note(sh, "1 unsent draft is kept: %s/%s", dir, name[0]);
	else if (n > 0)
		shell_note(sh, "%zu unsent drafts are kept:", n);
	for (size_t i = 0; i < TELL_MAX; i++) {
		if (n > 1 && name[i] != NULL)
			shell_note(sh, "  %s/%s", dir, name[i]);
		free(name[i]);
	}
	if (n > TELL_MAX)
		shell_note(sh, "  and %zu more in %s", n - TELL_MAX, dir);
}

void
draft_tell_kept(struct shell *sh)
{
	char dir[PATHS_SIZE];
	unsigned temporary = place(1, dir) != NULL ? 1 : 2;
	const char *prefix = place(0, dir);

	if (prefix != NULL)
		tell(sh, dir, prefix);
	prefix = place(temporary, dir);
	if (prefix != NULL)
		tell(sh, dir, prefix);
}

void
draft_origin(struct draft_origin *o, const struct arg *v)
{
	char dir[PATHS_SIZE], typed[PATHS_SIZE];
	const char *prefix, *name, *slash;
	struct stat here;

	o->path[0] = '\0';
	if (v->bare == 0 || v->n < 2 || v->text[0] != '@' ||
	    paths_expand(typed, v->text + 1) != 0)
		return;
	slash = strrchr(typed, '/');
	name = slash == NULL ? typed : slash + 1;
	for (unsigned i = 0; i < PLACES && o->path[0] == '\0'; i++) {
		int fd;

		if ((prefix = place(i, dir)) == NULL)
			continue;
		fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0 && look(fd, name, prefix, &o->seen) &&
		    stat(typed, &here) == 0 && here.st_dev == o->seen.st_dev &&
		    here.st_ino == o->seen.st_ino)
			(void)snprintf(o->path, sizeof(o->path), "%s", typed);
		if (fd >= 0)
			(void)close(fd);
	}
}

void
draft_origin_done(struct shell *sh, const struct draft_origin *o)
{
	const struct stat *was = &o->seen;
	struct stat now;

	if (o->path[0] == '\0' || lstat(o->path, &now) != 0)
		return;
	if (now.st_ino == was->st_ino && now.st_dev == was->st_dev &&
	    now.st_size == was->st_size &&
	    now.st_mtim.tv_sec == was->st_mtim.tv_sec &&
	    now.st_mtim.tv_nsec == was->st_mtim.tv_nsec && unlink(o->path) == 0)
		shell_say(sh, "%s was a kept draft, and is removed", o->path);
}
