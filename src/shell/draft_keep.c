#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/durable.h"
#include "shell/draft.h"
#include "shell/paths.h"

/*
 * What a person wrote and nobody got is kept in a file, whatever ends the
 * writing: ^C, a hang-up, an editor that fails, the end of the shell.  The file
 * stands with the history: a runtime directory or /tmp may be empty tomorrow.
 */
enum { KEEP_ARENA_MAX = 8 * 1024 * 1024 };

int
draft_file(struct shell *sh, char path[PATHS_SIZE])
{
	const char *dir = getenv("TMPDIR");
	struct err e = { 0 };
	int fd, n = 0;

	if (paths_state(path, "draft-XXXXXX.eml") != 0)
		n = snprintf(path, PATHS_SIZE, "%s/mailsh-draft-XXXXXX.eml",
			     dir == NULL || dir[0] == '\0' ? "/tmp" : dir);
	if (n >= PATHS_SIZE) {
		(void)failure_set(&sh->fail, SHELL_LOCAL, "TMPDIR is too long");
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
			rc |= buf_addf(out, "%s: %s\n", fields[i].name,
				       fields[i].value);
	for (unsigned i = 0; i < d->n_fields; i++)
		rc |= buf_addf(out, "%s: %s\n", d->field_name[i],
			       d->field_value[i]);
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
			rc = buf_addf(out, "Bcc: %s\r\n", d->bcc);
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
	if (close(fd) != 0)
		rc = -1;
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
		shell_note(sh, "what you wrote could not be kept in %s", path);
	sh->fail = before;
}

void
draft_keep(struct shell *sh)
{
	struct failure before = sh->fail;
	char path[PATHS_SIZE] = "";
	struct buf b;

	buf_init(&b, MIME_MESSAGE_MAX + MIME_HEADER_MAX);
	if (put_draft(sh, &b) == 0 && write_file(sh, buf_span(&b), path) == 0)
		shell_note(sh, "the draft is kept in %s; `send @%s` sends it",
			   path, path);
	else
		shell_note(sh, "the draft could not be kept in %s", path);
	buf_free(&b);
	sh->fail = before;
}

void
draft_tell_kept(struct shell *sh)
{
	char pattern[PATHS_SIZE];
	glob_t g = { 0 };

	if (paths_state(pattern, "draft-*.eml") != 0)
		return;
	if (glob(pattern, 0, NULL, &g) == 0 && g.gl_pathc > 0)
		shell_note(sh, "%zu unsent draft%s kept: %s%s", g.gl_pathc,
			   g.gl_pathc == 1 ? " is" : "s are", g.gl_pathv[0],
			   g.gl_pathc == 1 ? "" : " ...");
	globfree(&g);
}
