#include <stdlib.h>
#include <string.h>

#include "shell/draft.h"

/*
 * What a person wrote and nobody got is kept in a file, whatever ends the
 * writing: ^C, a hang-up, an editor that fails, the end of the shell.  The file
 * is the message that `send` would have sent.  Where that cannot be built, it
 * is as much of it as can; what is missing then is named.
 */
enum { KEEP_ARENA_MAX = 8 * 1024 * 1024 };

struct kept {
	struct buf text;
	const char *left_out[DRAFT_FILES_MAX]; /* of the draft's attachments */
	unsigned n_left_out;
};

/* Which attachments are tried. */
enum with { WITH_ALL, WITH_READABLE, WITH_NONE };

/* A list with its contacts resolved, unless draft_build puts it.  What is no
 * list of addresses stays as it is, to be corrected in the file, and is none of
 * the draft to be built. */
static int
put_list(struct shell *sh, struct kept *k, const char *name, char **list,
	 struct arena *a)
{
	struct draft_built ignored = { 0 };
	struct err e = { 0 };
	struct buf b;
	int rc = 0;

	if (*list == NULL || **list == '\0')
		return 0;
	buf_init(&b, 1024 * 1024);
	if (a != NULL && strcmp(name, "Bcc") != 0 &&
	    draft_add_typed(sh, name, *list, a, NULL, &ignored) == SHELL_OK)
		goto out;
	if (contacts_resolve_known(&sh->contacts, span_of(*list), &b, &e) !=
		0 ||
	    buf_add_char(&b, '\0') != 0)
		rc = -1;
	else
		rc = draft_put_field(&k->text, name, b.p);
	*list = NULL;
out:
	buf_free(&b);
	return rc;
}

/* a: of the draft to be built, or NULL. */
static int
put_lists(struct shell *sh, struct kept *k, struct arena *a)
{
	struct draft *d = &sh->draft;

	return put_list(sh, k, "To", &d->to, a) |
	       put_list(sh, k, "Cc", &d->cc, a) |
	       put_list(sh, k, "Bcc", &d->bcc, a);
}

/* As an editor gets it: the text, and what the header has beside the lists. */
static int
put_plain(const struct shell *sh, struct buf *out)
{
	const struct draft *d = &sh->draft;
	const struct {
		const char *name, *value;
	} fields[] = { { "From", draft_author(sh) },
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

/* Returns 0, 1 when it cannot be built so, -1 without memory. */
static int
put_message(struct shell *sh, struct kept *k, enum with with, bool plain)
{
	const struct draft whole = sh->draft;
	struct draft *d = &sh->draft;
	struct draft_built built = { 0 };
	struct arena a;
	int rc;

	arena_init(&a, KEEP_ARENA_MAX);
	buf_clear(&k->text);
	k->n_left_out = d->n_attachments = 0;
	for (unsigned i = 0; i < whole.n_attachments; i++) {
		char *path = whole.attachment[i];

		if (with == WITH_ALL ||
		    (with == WITH_READABLE &&
		     draft_check_attachment(sh, path) == SHELL_OK))
			d->attachment[d->n_attachments++] = path;
		else
			k->left_out[k->n_left_out++] = path;
	}
	rc = put_lists(sh, k, plain ? NULL : &a);
	if (rc == 0 && plain)
		rc = put_plain(sh, &k->text);
	else if (rc == 0 && draft_build(sh, true, true, &a, &built) != SHELL_OK)
		rc = 1;
	else if (rc == 0)
		rc = buf_add_span(&k->text, buf_span(&built.bytes));
	sh->draft = whole;
	buf_free(&built.bytes);
	arena_reset(&a);
	return rc;
}

/* As much as can be. */
static int
put_draft(struct shell *sh, struct kept *k)
{
	int rc = put_message(sh, k, WITH_ALL, false);

	if (rc == 1 && sh->draft.n_attachments > 0)
		rc = put_message(sh, k, WITH_READABLE, false);
	if (rc == 1 && sh->draft.n_attachments > 0)
		rc = put_message(sh, k, WITH_NONE, false);
	return rc == 1 ? put_message(sh, k, WITH_NONE, true) : rc;
}

/* A path as a word of the language, NUL behind it: in quotes where it needs
 * them. */
static const char *
as_word(const char *path, struct buf *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789/._-+";
	int rc = 0;

	buf_init(word, 2 * PATHS_SIZE + 3);
	if (path[strspn(path, plain)] == '\0')
		return path;
	rc |= buf_add_char(word, '"');
	for (const char *p = path; *p != '\0'; p++) {
		if (strchr("\"\\$", *p) != NULL)
			rc |= buf_add_char(word, '\\');
		rc |= buf_add_char(word, *p);
	}
	rc |= buf_add(word, "\"", 2);
	return rc == 0 ? word->p : path;
}

/* Where it is, and the way to send it: the one that `send` will find good. */
static void
say_kept(struct shell *sh, const struct kept *k, const char *path)
{
	struct draft_built ready = { 0 };
	struct buf word;
	const char *file = as_word(path, &word);
	struct arena a;

	arena_init(&a, KEEP_ARENA_MAX);
	if (draft_ready(sh, buf_span(&k->text), NULL, &a, &ready) != SHELL_OK)
		shell_note(sh,
			   "the draft is kept in %s; `send @%s` sends it when "
			   "it is corrected: %s",
			   path, file, sh->fail.text);
	else
		shell_note(sh, "the draft is kept in %s; `send @%s%s` sends it",
			   path, file,
			   ready.n_recipients == 0 ? " --to ADDRESS" : "");
	buf_free(&ready.bytes);
	buf_free(&word);
	arena_reset(&a);
	for (unsigned i = 0; i < k->n_left_out; i++)
		shell_note(sh, "not in it is the attachment %s",
			   k->left_out[i]);
}

void
draft_keep_text(struct shell *sh, struct span text)
{
	struct failure before = sh->fail;
	char path[PATHS_SIZE] = "";
	struct buf word;

	if (draft_put_file(sh, text, path) == 0) {
		const char *file = as_word(path, &word);

		shell_note(sh,
			   "what you wrote is kept in %s; `compose --body "
			   "@%s` or `send @%s` takes it",
			   path, file, file);
		buf_free(&word);
	} else {
		shell_note(sh, "what you wrote could not be kept in %s: %s",
			   path, sh->fail.text);
	}
	sh->fail = before;
}

int
draft_keep(struct shell *sh)
{
	struct failure before = sh->fail;
	char path[PATHS_SIZE] = "";
	struct kept k = { .n_left_out = 0 };
	int rc;

	buf_init(&k.text, MIME_MESSAGE_MAX + MIME_HEADER_MAX);
	rc = put_draft(sh, &k);
	if (rc != 0)
		shell_note(sh, "the draft could not be kept: out of memory");
	else if ((rc = draft_put_file(sh, buf_span(&k.text), path)) != 0)
		shell_note(sh, "the draft could not be kept in %s: %s", path,
			   sh->fail.text);
	else
		say_kept(sh, &k, path);
	buf_free(&k.text);
	sh->fail = before;
	return rc;
}

void
draft_end(struct shell *sh)
{
	if (sh->draft.exists && draft_keep(sh) != 0) {
		shell_note(sh, "mailsh: the draft is lost [local]");
		if (sh->exit_status == SHELL_OK)
			sh->exit_status = SHELL_LOCAL;
	}
	draft_clear(&sh->draft);
}
