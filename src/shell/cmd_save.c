#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/durable.h"
#include "shell/cmd.h"
#include "shell/output.h"
#include "shell/paths.h"

/*
 * Messages and parts as files.  A file appears under its name when all of it is
 * on the disk, and with --force takes the place of another in one step: a full
 * disk or a crash costs neither the old file nor half of the new one.  What one
 * command saves never replaces what the same command has saved: a second
 * image.txt becomes image-2.txt.  One file that cannot be does not keep the
 * others from being saved.
 */
const struct command_option cmd_save_options[] = {
	{ "to", 0, "PATH", COMPLETE_FILE,
	  "a directory, a new file, or - for standard output" },
	{ "force", 0, NULL, COMPLETE_NONE, "replace files that exist" },
	{ NULL, 0, NULL, COMPLETE_NONE, NULL },
};

enum { NAMES_MAX = 1024 * 1024, SAVE_NAME_SIZE = MIME_NAME_SIZE + 16 };

struct saving {
	struct shell *sh;
	char to[PATHS_SIZE];
	bool to_stdout, to_dir, force;
	struct buf names;     /* taken by this command: "/name/", lower case */
	unsigned done, wrong; /* files */
	struct failure first; /* why the first of the wrong ones */
	char path[PATHS_SIZE + SAVE_NAME_SIZE], temp[PATHS_SIZE + 32];
};

static int
local_failure(struct shell *sh, const char *path, int sys)
{
	char text[128];
	struct stat st;
	bool exists = sys == EEXIST;

	/* a directory is not replaced */
	if (exists && lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
		sys = EISDIR;
	(void)failure_set(&sh->fail, SHELL_LOCAL, "%s: %s", path,
			  err_sys_text(sys, text, sizeof(text)));
	if (exists && sys == EEXIST)
		failure_hint(&sh->fail, "--force replaces it");
	return SHELL_LOCAL;
}

/* ---- names ----------------------------------------------------------------
 */

/* True the first time: a file system may not tell A from a. */
static bool
take_name(struct saving *s, const char *name)
{
	size_t start = s->names.n, n = strlen(name) + 2;

	if (buf_addf(&s->names, "/%s/", name) != 0)
		return true; /* O_EXCL will tell */
	for (size_t i = start; i < s->names.n; i++)
		s->names.p[i] = (char)span_lower(s->names.p[i]);
	if (start == 0 ||
	    memmem(s->names.p, start, s->names.p + start, n) == NULL)
		return true;
	s->names.n = start;
	return false;
}

/* "image.txt", or image-2.txt when this command has saved that one. */
static void
choose_name(struct saving *s, const char *name, char own[SAVE_NAME_SIZE])
{
	const char *dot = strrchr(name, '.');
	int stem =
	    dot == NULL || dot == name ? (int)strlen(name) : (int)(dot - name);

	(void)snprintf(own, SAVE_NAME_SIZE, "%s", name);
	for (unsigned n = 2; !take_name(s, own); n++)
		(void)snprintf(own, SAVE_NAME_SIZE, "%.*s-%u%s", stem, name, n,
			       name + stem);
}

static bool
ends_in_slash(const char *path)
{
	size_t n = strlen(path);

	return n > 0 && path[n - 1] == '/';
}

/* ---- one file -------------------------------------------------------------
 */

/* m == NULL: the whole message. */
static int
write_bytes(struct shell *sh, int fd, const struct mime *m, unsigned part,
	    uint64_t *bytes, struct err *e)
{
	struct span raw = buf_span(&sh->box.raw);

	*bytes = raw.n;
	return m == NULL ? durable_write(fd, raw.p, raw.n, e)
			 : mime_part_save(m, part, fd, bytes, e);
}

/* A device or a pipe is written to; all else is a new file. */
static bool
is_special(const struct saving *s)
{
	struct stat st;

	return s->force && stat(s->path, &st) == 0 && !S_ISREG(st.st_mode);
}

/* Readable by its owner only: it may be anything. */
static int
open_file(struct saving *s, bool special)
{
	const char *slash = strrchr(s->path, '/');
	size_t dir = slash == NULL ? 0 : (size_t)(slash - s->path) + 1;

	if (special)
		return open(s->path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
	(void)snprintf(s->temp, sizeof(s->temp), "%.*s.mailsh-XXXXXX", (int)dir,
		       s->path);
	return mkostemp(s->temp, O_CLOEXEC);
}

/* The finished file under its name. */
static int
give_name(const struct saving *s)
{
	if (s->force)
		return rename(s->temp, s->path);
	if (renameat2(AT_FDCWD, s->temp, AT_FDCWD, s->path, RENAME_NOREPLACE) ==
	    0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	/* a file system without it */
	if (link(s->temp, s->path) != 0)
		return -1;
	return unlink(s->temp);
}

static int
save_file(struct saving *s, const struct mime *m, unsigned part,
	  const char *name)
{
	struct shell *sh = s->sh;
	bool special;
	struct err e = { 0 };
	uint64_t bytes;
	int fd, rc;

	if (s->to_dir)
		(void)snprintf(s->path, sizeof(s->path), "%s%s%s", s->to,
			       ends_in_slash(s->to) ? "" : "/", name);
	else
		(void)snprintf(s->path, sizeof(s->path), "%s", s->to);
	special = is_special(s);
	fd = open_file(s, special);
	if (fd < 0)
		return local_failure(sh, s->path, errno);
	rc = write_bytes(sh, fd, m, part, &bytes, &e);
	/* It may be deleted from the mailbox next. */
	if (rc == 0 && !special)
		rc = durable_sync(fd, &e);
	if (close(fd) != 0 && rc == 0)
		rc = err_set(&e, ERR_TEMP, errno, "%s", s->path);
	if (rc == 0 && !special && give_name(s) != 0)
		rc = local_failure(sh, s->path, errno);
	else if (rc != 0)
		rc = failure_from_local(&sh->fail, &e);
	if (rc != SHELL_OK) {
		if (!special)
			(void)unlink(s->temp);
		return rc;
	}
	s->done++;
	shell_say(sh, "saved %s (%llu bytes)", s->path,
		  (unsigned long long)bytes);
	return SHELL_OK;
}

static int
save_to_stdout(struct saving *s, const struct mime *m, unsigned part)
{
	struct shell *sh = s->sh;
	struct err e = { 0 };
	uint64_t bytes;

	if (m == NULL)
		return output_raw(sh, buf_span(&sh->box.raw), false);
	(void)fflush(sh->out);
	if (sh->out_is_tty)
		return failure_set(&sh->fail, SHELL_USAGE,
				   "a part is not for a terminal: --to FILE, "
				   "or | less");
	return mime_part_save(m, part, fileno(sh->out), &bytes, &e) != 0
		   ? failure_from_local(&sh->fail, &e)
		   : SHELL_OK;
}

/* What is wrong with one file is reported at the end, after the others; with
 * several each is named where it comes. */
static int
put_off(struct saving *s)
{
	if (++s->wrong == 1) {
		s->first = s->sh->fail;
		return SHELL_OK;
	}
	if (s->wrong == 2)
		shell_note(s->sh, "not saved: %s", s->first.text);
	shell_note(s->sh, "not saved: %s", s->sh->fail.text);
	return SHELL_OK;
}

/* A status.  That of several is the first one's, as in a script. */
static int
report_wrong(struct saving *s)
{
	unsigned all = s->done + s->wrong;

	if (s->wrong == 1 && s->done > 0)
		shell_note(s->sh, "%u of %u files saved", s->done, all);
	s->sh->fail = s->first;
	if (s->wrong > 1)
		(void)snprintf(s->sh->fail.text, sizeof(s->sh->fail.text),
			       "%u of %u files are not saved", s->wrong, all);
	return (int)s->first.status;
}

static int
save_one(struct saving *s, const struct mime *m, unsigned part,
	 const char *name)
{
	char own[SAVE_NAME_SIZE];
	int rc;

	if (s->to_stdout)
		return save_to_stdout(s, m, part);
	choose_name(s, name, own);
	rc = save_file(s, m, part, own);
	return rc == SHELL_OK ? rc : put_off(s);
}

/* ---- parts ----------------------------------------------------------------
 */

/* `what` is a part's number or a pattern for names. */
static bool
is_wanted(const struct mime_part *p, const char *what,
	  char name[MIME_NAME_SIZE])
{
	uint64_t number = 0;

	mime_part_file_name(p, name);
	if (span_u64(span_of(what), &number) == 0)
		return p->number == number;
	/* what was not taken apart may hold such files */
	return p->as_it_came ||
	       (p->is_attachment && fnmatch(what, name, 0) == 0);
}

static unsigned
count_wanted(const struct mime *m, const char *what)
{
	char name[MIME_NAME_SIZE];
	unsigned n = 0;

	for (unsigned i = 0; i < mime_part_count(m); i++)
		n += is_wanted(mime_part_at(m, i), what, name);
	return n;
}

static int
one_file_only(const struct saving *s)
{
	return failure_set(&s->sh->fail, SHELL_USAGE,
			   "several files want a directory, %s is one file",
			   s->to);
}

static int
no_part(struct shell *sh, const char *what, bool of_one)
{
	unsigned n = sh->box.raw_number;

	if (of_one)
		(void)failure_set(&sh->fail, SHELL_REFUSED,
				  "message %u: no part matches %s", n, what);
	else
		(void)failure_set(&sh->fail, SHELL_REFUSED,
				  "no part matches %s", what);
	sh->fail.symbol = "no-match";
	failure_hint(&sh->fail, "`read %u` shows its attachments", n);
	return SHELL_REFUSED;
}

/* A pattern may match in some of the messages only; a number is meant. */
static int
save_parts(struct saving *s, const char *what, unsigned *found)
{
	struct shell *sh = s->sh;
	struct mime *m = NULL;
	struct err e = { 0 };
	char name[MIME_NAME_SIZE];
	uint64_t number;
	int rc = SHELL_OK;

	if (mime_parse(&m, buf_span(&sh->box.raw), &e) != 0) {
		(void)failure_set(&sh->fail, SHELL_LOCAL, "message %u: %s",
				  sh->box.raw_number, e.msg);
		return put_off(s);
	}
	unsigned wanted = count_wanted(m, what);
	*found += wanted;
	if (!s->to_dir && !s->to_stdout && wanted > 1)
		rc = one_file_only(s);
	if (wanted == 0 && span_u64(span_of(what), &number) == 0) {
		(void)no_part(sh, what, true);
		rc = put_off(s);
	}
	for (unsigned i = 0; rc == SHELL_OK && i < mime_part_count(m); i++) {
		const struct mime_part *p = mime_part_at(m, i);

		if (!is_wanted(p, what, name))
			continue;
		rc = save_one(s, m, p->number, name);
	}
	mime_free(&m);
	return rc;
}

/* ---- the command ----------------------------------------------------------
 */

static int
save_target(struct saving *s, const struct args *a)
{
	const struct arg *v = args_value(a, "to");
	const char *where = v == NULL ? "." : v->text;
	struct stat st;

	s->force = args_has(a, "force");
	if (paths_expand(s->to, where) != 0)
		return local_failure(s->sh, where, errno);
	s->to_stdout = strcmp(s->to, "-") == 0;
	/* "bills/" is a directory, there or not. */
	if (ends_in_slash(s->to) && mkdir(s->to, 0777) != 0 && errno != EEXIST)
		return local_failure(s->sh, s->to, errno);
	s->to_dir = stat(s->to, &st) == 0 && S_ISDIR(st.st_mode);
	return SHELL_OK;
}

/* The message that box.raw holds, or parts of it. */
static int
save_fetched(struct saving *s, const char *what, uint32_t n, unsigned *found)
{
	char name[32];

	if (what != NULL)
		return save_parts(s, what, found);
	(void)snprintf(name, sizeof(name), "%u.eml", n);
	return save_one(s, NULL, 0, name);
}

static int
save_messages(struct saving *s, const struct args *a, const uint32_t *numbers,
	      uint32_t n)
{
	const char *what = a->n > 1 ? a->operand[1].text : NULL;
	unsigned found = 0;
	int rc = SHELL_OK;

	if (n > 1 && !s->to_dir && !s->to_stdout)
		return one_file_only(s);
	for (uint32_t i = 0; rc == SHELL_OK && i < n; i++) {
		rc = mailbox_fetch(s->sh, numbers[i]);
		if (mailbox_goes_on(s->sh, rc))
			rc = put_off(s);
		else if (rc == SHELL_OK)
			rc = save_fetched(s, what, numbers[i], &found);
	}
	if (rc == SHELL_OK && what != NULL && found == 0 && s->wrong == 0)
		return no_part(s->sh, what, n == 1);
	return rc;
}

/* Names are on the disk when it is said that all went well. */
static int
save_end(struct saving *s)
{
	int fd = s->done == 0 || !s->to_dir
		     ? -1
		     : open(s->to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int bad = fd >= 0 && fsync(fd) != 0;
	int sys = errno;

	if (fd >= 0)
		(void)close(fd);
	if (s->wrong > 0)
		return report_wrong(s);
	/* some file systems cannot sync a directory */
	return bad && sys != EINVAL ? local_failure(s->sh, s->to, sys)
				    : SHELL_OK;
}

int
cmd_save(struct shell *sh, const struct args *a)
{
	struct saving *s = calloc(1, sizeof(*s));
	uint32_t *numbers = NULL, n = 0;
	int rc;

	if (s == NULL)
		return failure_set(&sh->fail, SHELL_LOCAL, "out of memory");
	s->sh = sh;
	buf_init(&s->names, NAMES_MAX);
	rc = save_target(s, a);
	if (rc == SHELL_OK)
		rc = cmd_select(sh, a->operand, a->n > 0 ? 1 : 0, NULL, false,
				&numbers, &n);
	if (rc == SHELL_OK)
		rc = save_messages(s, a, numbers, n);
	if (rc == SHELL_OK)
		rc = save_end(s);
	free(numbers);
	buf_free(&s->names);
	free(s);
	return rc;
}
