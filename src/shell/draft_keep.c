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
 * What a person wrote and nobody got is kept in a file, whatever ends the
 * writing: ^C, a hang-up, an editor that fails, the end of the shell.  The file
 * stands with the history: a runtime directory or /tmp may be empty tomorrow.
 */
enum {
	KEEP_ARENA_MAX = 8 * 1024 * 1024,
	TELL_MAX = 20, /* by name */
};
static const char SUFFIX[] = ".eml";

/* The directory of these files, and how their names begin. */
static const char *
place(char dir[PATHS_SIZE])
{
	const char *tmp = getenv("TMPDIR");

	if (paths_state(dir, NULL) == 0)
		return "draft-";
	if (tmp == NULL || tmp[0] == '\0' || strlen(tmp) >= PATHS_SIZE)
		tmp = "/tmp";
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

int
draft_file(struct shell *sh, char path[PATHS_SIZE])
{
	char dir[PATHS_SIZE];
	const char *prefix = place(dir);
	struct err e = { 0 };
	int fd;

	if (snprintf(path, PATHS_SIZE, "%s/%sXXXXXX%s", dir, prefix, SUFFIX) >=
	    PATHS_SIZE) {
		(void)failure_set(&sh->fail, SHELL_LOCAL,
				  "the path of the directory for drafts is "
				  "too long");
		return -1;
	}
	fd = mkostemps(path, 4, O_CLOEXEC); /* 0600 */
	if (fd < 0) {
		(void)err_set(&e, ERR_TEMP, errno, "%s", path);
		(void)failure_from_local(&sh->fail, &e);
	}
	return fd;
}

/* As an editor gets it; what is empty is left out, so that `send @FILE` takes
 * it. */
static int
put_plain(const struct draft *d, struct buf *out)
{
	const struct {
		const char *name, *value;
	} fields[] = { { "To", d->to },
		       { "Cc", d->cc },
		       { "Bcc", d->bcc },
		       { "Subject", d->subject },
		       { "In-Reply-To", d->in_reply_to },
		       { "References", d->references } };
	int rc = 0;

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (fields[i].value != NULL && fields[i].value[0] != '\0')
			rc |= draft_put_field(out, fields[i].name,
					      fields[i].value);
	for (unsigned i = 0; i < d->n_fields; i++)
		rc |= draft_put_field(out, d->field_name[i], d->field_value[i]);
	rc |= buf_add_char(out, '\n');
	return rc | buf_add(out, d->body == NULL ? "" : d->body, d->body_n);
}

/* The whole message, attachments too; where that cannot be built, the text. */
static int
put_draft(struct shell *sh, struct buf *out)
{
	const struct draft *d = &sh->draft;
	struct failure before = sh->fail;
	struct draft_built built = { 0 };
	struct arena a;
	int rc = 0;

	arena_init(&a, KEEP_ARENA_MAX);
	if (draft_build(sh, true, true, &a, &built) == SHELL_OK) {
		if (d->bcc != NULL && d->bcc[0] != '\0')
			rc = draft_put_field(out, "Bcc", d->bcc);
		rc |= buf_add_span(out, buf_span(&built.bytes));
	} else {
		rc = put_plain(d, out);
	}
	sh->fail = before;
	buf_free(&built.bytes);
	arena_reset(&a);
	return rc;
}

static int
write_file(struct shell *sh, struct span text, char path[PATHS_SIZE])
{
	struct err e = { 0 };
	int fd = draft_file(sh, path), rc;

	if (fd < 0)
		return -1;
	rc = durable_write(fd, text.p, text.n, &e);
	if (rc == 0)
		rc = durable_sync(fd, &e);
	if (close(fd) != 0 && rc == 0)
		rc = err_set(&e, ERR_TEMP, errno, "close");
	if (rc != 0) { /* a piece of it would be taken for all of it */
		(void)unlink(path);
		(void)failure_from_local(&sh->fail, &e);
	}
	return rc;
}

void
draft_keep_text(struct shell *sh, struct span text)
{
	struct failure before = sh->fail;
	char path[PATHS_SIZE] = "";

	if (write_file(sh, text, path) == 0)
		shell_note(sh, "what you wrote is kept in %s", path);
	else
		shell_note(sh, "what you wrote could not be kept in %s: %s",
			   path, sh->fail.text);
	sh->fail = before;
}

void
draft_keep(struct shell *sh)
{
	struct failure before = sh->fail;
	char path[PATHS_SIZE] = "";
	struct buf b;

	buf_init(&b, MIME_MESSAGE_MAX + MIME_HEADER_MAX);
	if (put_draft(sh, &b) != 0)
		shell_note(sh, "the draft could not be kept: out of memory");
	else if (write_file(sh, buf_span(&b), path) != 0)
		shell_note(sh, "the draft could not be kept in %s: %s", path,
			   sh->fail.text);
	else
		shell_note(sh, "the draft is kept in %s; `send @%s` sends it",
			   path, path);
	buf_free(&b);
	sh->fail = before;
}

/* Is it a file of ours that a draft was kept in? */
static bool
look(int dirfd, const char *name, const char *prefix, struct stat *st)
{
	return is_ours(name, prefix) &&
	       fstatat(dirfd, name, st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st->st_mode) && st->st_uid == geteuid();
}

void
draft_tell_kept(struct shell *sh)
{
	char dir[PATHS_SIZE], *name[TELL_MAX] = { NULL };
	const char *prefix = place(dir);
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
draft_origin(struct draft_origin *o, const struct arg *v)
{
	char dir[PATHS_SIZE], typed[PATHS_SIZE];
	const char *prefix = place(dir), *name;
	struct stat here;
	const char *slash;
	int fd;

	o->path[0] = '\0';
	if (v->bare == 0 || v->n < 2 || v->text[0] != '@' ||
	    paths_expand(typed, v->text + 1) != 0)
		return;
	slash = strrchr(typed, '/');
	name = slash == NULL ? typed : slash + 1;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && look(fd, name, prefix, &o->seen) &&
	    stat(typed, &here) == 0 && here.st_dev == o->seen.st_dev &&
	    here.st_ino == o->seen.st_ino)
		(void)snprintf(o->path, sizeof(o->path), "%s", typed);
	if (fd >= 0)
		(void)close(fd);
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
