#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/durable.h"
#include "mail/header.h"
#include "shell/draft.h"
#include "shell/paths.h"
#include "shell/proc.h"
#include "shell/tty.h"

/*
 * The draft as a person edits it: To, Cc, Bcc, Subject lines, an empty line,
 * the body; in a private file, and in *text.
 */
static int
put_file(const struct shell *sh, int fd, struct buf *text, struct err *e)
{
	const struct draft *d = &sh->draft;
	int rc = 0;

	rc |= draft_put_field(text, "To", d->to);
	rc |= draft_put_field(text, "Cc", d->cc);
	if (d->bcc != NULL && d->bcc[0] != '\0')
		rc |= draft_put_field(text, "Bcc", d->bcc);
	rc |= draft_put_field(text, "Subject", d->subject);
	rc |= buf_add_char(text, '\n');
	rc |= buf_add(text, d->body == NULL ? "" : d->body, d->body_n);
	return rc != 0 ? err_set(e, ERR_LIMIT, 0, "the draft is too long")
		       : durable_write(fd, text->p, text->n, e);
}

static int
take_field(struct shell *sh, const struct header_field *f)
{
	struct draft *d = &sh->draft;
	const struct {
		const char *name;
		char **field;
	} known[] = { { "To", &d->to },
		      { "Cc", &d->cc },
		      { "Bcc", &d->bcc },
		      { "Subject", &d->subject } };
	struct buf b;
	size_t n;
	int rc;

	buf_init(&b, HEADER_BLOCK_MAX);
	rc = buf_addf(&b, "%.*s:", SPAN_ARG(f->name));
	n = b.n;
	rc |= header_unfold(f->value, &b);
	for (size_t i = 0; rc == 0 && i < sizeof(known) / sizeof(known[0]);
	     i++) {
		if (!span_eq_nocase(f->name, span_of(known[i].name)))
			continue;
		rc = draft_set(known[i].field, span_skip(buf_span(&b), n));
		buf_free(&b);
		return rc == 0 ? SHELL_OK
			       : failure_set(&sh->fail, SHELL_LOCAL,
					     "out of memory");
	}
	/* Another field the writer added by hand. */
	rc = rc != 0 ? failure_set(&sh->fail, SHELL_LOCAL, "out of memory")
		     : draft_add_field(sh, buf_span(&b));
	buf_free(&b);
	return rc;
}

/* Is it a field, and can its value be one? */
static int
check_field(struct shell *sh, const struct header_field *f)
{
	struct buf b;
	int rc;

	if (f->name.n == 0)
		return failure_set(&sh->fail, SHELL_USAGE,
				   "`%.*s` is no header line, and no empty "
				   "line stands before it",
				   SPAN_ARG(span_trim(f->whole)));
	buf_init(&b, HEADER_BLOCK_MAX);
	rc = header_unfold(f->value, &b) != 0
		 ? failure_set(&sh->fail, SHELL_LOCAL, "out of memory")
		 : draft_check_value(sh, "the text", buf_span(&b));
	buf_free(&b);
	return rc;
}

static int
take_text(struct shell *sh, struct span text)
{
	struct draft *d = &sh->draft;
	struct header_field f;
	struct span rest = text;
	int rc = SHELL_OK;

	/* Before anything of the draft changes. */
	while (rc == SHELL_OK && header_next(&rest, &f))
		rc = check_field(sh, &f);
	if (rc != SHELL_OK)
		return rc;
	rest = text;
	(void)draft_set(&d->bcc, span_make(NULL, 0));
	while (rc == SHELL_OK && header_next(&rest, &f))
		rc = take_field(sh, &f);
	if (rc != SHELL_OK)
		return rc;
	if (draft_set_body(d, rest) != 0)
		return failure_set(&sh->fail, SHELL_LOCAL, "out of memory");
	return SHELL_OK;
}

static int
run_editor(struct shell *sh, const char *path)
{
	const char *editor = getenv("VISUAL");
	char command[1200];
	struct proc p;
	struct err e;
	int status;

	if (editor == NULL || editor[0] == '\0')
		editor = getenv("EDITOR");
	if (editor == NULL || editor[0] == '\0')
		editor = access("/usr/bin/editor", X_OK) == 0 ? "editor" : "vi";
	if (snprintf(command, sizeof(command), "%s \"$1\"", editor) >=
	    (int)sizeof(command))
		return failure_set(&sh->fail, SHELL_LOCAL,
				   "$EDITOR is too long");
	(void)fflush(stdout);
	if (proc_shell(&p, command, path, -1, -1, &e) != 0)
		return failure_from_local(&sh->fail, &e);
	status = proc_wait(&p);
	if (sh->tty != NULL)
		tty_resized(sh->tty);
	if (status != 0)
		return failure_set(&sh->fail, SHELL_LOCAL,
				   "the editor (%s) ended with status %d: the "
				   "draft is as before",
				   editor, status);
	return SHELL_OK;
}

/* The file goes when its text is in the draft, or is what it was before the
 * editor had it. */
static void
end_file(struct shell *sh, const char *path, int rc, struct span before)
{
	struct failure failed = sh->fail;
	struct buf now;

	buf_init(&now, MIME_MESSAGE_MAX);
	if (rc == SHELL_OK || (shell_read_file(sh, path, &now) == SHELL_OK &&
			       span_eq(buf_span(&now), before))) {
		(void)unlink(path);
	} else {
		shell_note(sh, "what the editor wrote is kept in %s", path);
	}
	buf_free(&now);
	sh->fail = failed;
}

int
draft_edit(struct shell *sh)
{
	char path[PATHS_SIZE];
	struct err e = { 0 };
	struct buf before, text;
	int fd, rc;

	if (!sh->interactive)
		return failure_set(&sh->fail, SHELL_USAGE,
				   "the editor wants a terminal");
	fd = draft_file(sh, path);
	if (fd < 0)
		return SHELL_LOCAL;
	buf_init(&before, MIME_MESSAGE_MAX);
	buf_init(&text, MIME_MESSAGE_MAX);
	rc = put_file(sh, fd, &before, &e) != 0
		 ? failure_from_local(&sh->fail, &e)
		 : SHELL_OK;
	(void)close(fd);
	if (rc == SHELL_OK)
		rc = run_editor(sh, path);
	if (rc == SHELL_OK)
		rc = shell_read_file(sh, path, &text);
	if (rc == SHELL_OK)
		rc = take_text(sh, buf_span(&text));
	end_file(sh, path, rc, buf_span(&before));
	buf_free(&before);
	buf_free(&text);
	if (rc == SHELL_OK)
		sh->draft.exists = true;
	return rc;
}

/* ---- at the prompt --------------------------------------------------------
 */

static int
ask(struct shell *sh, const char *prompt, enum tty_mode mode, char **field)
{
	struct err e = { 0 };
	struct buf b;
	int rc;

	if (*field != NULL && **field != '\0')
		return SHELL_OK;
	buf_init(&b, 64 * 1024);
	rc = tty_line(sh->tty, prompt, mode, &b, &e);
	if (rc < 0)
		rc = failure_from_local(&sh->fail, &e);
	else if (rc == 0)
		rc = failure_set(&sh->fail, SHELL_INTERRUPTED, "cancelled");
	else
		rc = draft_set(field, span_trim(buf_span(&b))) == 0
			 ? SHELL_OK
			 : failure_set(&sh->fail, SHELL_LOCAL, "out of memory");
	buf_free(&b);
	return rc;
}

int
draft_write(struct shell *sh)
{
	struct draft *d = &sh->draft;
	struct err e = { 0 };
	struct buf body;
	int rc, got;

	rc = ask(sh, "To: ", TTY_ADDRESS, &d->to);
	if (rc == SHELL_OK)
		rc = ask(sh, "Subject: ", TTY_TEXT, &d->subject);
	if (rc != SHELL_OK)
		return rc;
	shell_note(sh, "The message; a line with only a dot ends it.");
	buf_init(&body, MIME_MESSAGE_MAX);
	for (;;) {
		size_t at = body.n;

		got = tty_line(sh->tty, "", TTY_TEXT, &body, &e);
		if (got != 1)
			break;
		if (body.n - at == 1 && body.p[at] == '.') {
			body.n = at;
			break;
		}
		if (buf_add_char(&body, '\n') != 0) {
			got = err_set(&e, ERR_LIMIT, 0, "it is too long");
			break;
		}
	}
	bool typed = body.n > 0;
	if (d->body != NULL && d->body_n > 0 && /* a quoted text */
	    (buf_add_char(&body, '\n') != 0 ||
	     buf_add(&body, d->body, d->body_n) != 0))
		rc = failure_set(&sh->fail, SHELL_LOCAL, "it is too long");
	else if (draft_set_body(d, buf_span(&body)) != 0)
		rc = failure_set(&sh->fail, SHELL_LOCAL, "out of memory");
	buf_free(&body);
	if (got < 0)
		rc = failure_from_local(&sh->fail, &e);
	/* ^C means that it is not to be sent, not that it is to be lost. */
	if (got < 0 && e.class == ERR_STOP) {
		if (!typed || draft_keep(sh) == 0)
			draft_clear(d);
		else
			d->exists = true;
	}
	return rc;
}
