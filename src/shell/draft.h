#ifndef PP_SHELL_DRAFT_H
#define PP_SHELL_DRAFT_H

#include "base/arena.h"
#include "shell/mime.h"
#include "shell/shell.h"

/* The message being written: sh->draft.  Functions with a shell return a
 * status. */

void draft_clear(struct draft *d);

/* draft_set - one text of the draft (d->to ...) becomes `value`; 0 or -1. */
int draft_set(char **field, struct span value);

/* draft_add_list - add to an address list, with a comma between. */
int draft_add_list(char **field, struct span value);

int draft_set_body(struct draft *d, struct span text);

/* draft_check_value - SHELL_USAGE when a line end or another control character
 * is in it: it would be a field of its own in the next file. */
int draft_check_value(struct shell *sh, const char *name, struct span value);

/* draft_put_field - "Name: value" and a line feed; a blank for what
 * draft_check_value refuses.  For every file of a draft. */
int draft_put_field(struct buf *out, const char *name, const char *value);

/* draft_attach, draft_add_field - SHELL_USAGE or SHELL_LOCAL when it cannot
 * be: too many, no such file, "Name: value" not one.  draft_check_attachment -
 * SHELL_LOCAL when it is no file that can be read. */
int draft_check_attachment(struct shell *sh, const char *path);
int draft_attach(struct shell *sh, const char *path);
int draft_add_field(struct shell *sh, struct span text);

/* What goes out: bytes, Message-ID, everybody in the envelope. */
struct draft_built {
	struct buf bytes; /* draft_build begins it; buf_free it in any case */
	struct mime_built facts;
	char id[MIME_ID_SIZE];
	const char **recipients; /* in the arena; each once */
	unsigned n_recipients;
	bool is_ready; /* by draft_ready: sh->draft is another message */
};

/* draft_author - who is logged in, or was when the draft was begun. */
const char *draft_author(const struct shell *sh);

/* draft_build - eight_bit, utf8: what the server offers. */
int draft_build(struct shell *sh, bool eight_bit, bool utf8, struct arena *a,
		struct draft_built *built);

/*
 * draft_ready - the same from `text`, a whole message (RFC 5322, CRLF or LF)
 * that was written elsewhere.  It goes to `to`, a list as typed, or, when that
 * is NULL, to all of its To, Cc and Bcc.  Bcc is removed; From, Date and
 * Message-ID are added where they are missing; no other byte changes.
 */
int draft_ready(struct shell *sh, struct span text, const char *to,
		struct arena *a, struct draft_built *built);

/* draft_add_recipients - the addresses of one list to the envelope, each once;
 * `field` is for the report.  draft_add_typed resolves contacts first and
 * leaves the resolved list in *text (may be NULL). */
int draft_add_recipients(struct shell *sh, const char *field,
			 struct span addresses, struct arena *a,
			 struct draft_built *built);
int draft_add_typed(struct shell *sh, const char *field, const char *typed,
		    struct arena *a, const char **text,
		    struct draft_built *built);

/* draft_check - are the addresses addresses (or contacts)?  Nothing is built
 * or sent. */
int draft_check(struct shell *sh, struct arena *a);

/* draft_edit - open the editor on its header and body, take over the result. */
int draft_edit(struct shell *sh);

/* draft_file - a new private file for what is being written, which outlives the
 * shell.  A descriptor and its path, or -1 with sh->fail.  draft_put_file - the
 * text in such a file, in the first place that takes all of it; 0, or -1 with
 * the first place's path and failure. */
int draft_file(struct shell *sh, char path[PATHS_SIZE]);
int draft_put_file(struct shell *sh, struct span text, char path[PATHS_SIZE]);

/* draft_keep - the draft in such a file; says where, what of it is missing
 * there, and how it can be sent.  0, or -1: there is no file, which is said.
 * draft_keep_text - the same of a text that has not become the draft.
 * draft_tell_kept - which files there are.  sh->fail stays as it is. */
int draft_keep(struct shell *sh);
void draft_keep_text(struct shell *sh, struct span text);
void draft_tell_kept(struct shell *sh);

/* draft_end - the shell ends: keep the draft, which is then none.  One that is
 * lost is said, and makes sh->exit_status SHELL_LOCAL if it was 0. */
void draft_end(struct shell *sh);

/* draft_origin - before text comes from @FILE: is that such a file?
 * draft_origin_done - the text was taken by a server for all its recipients:
 * the file goes, unless somebody has changed it since. */
void draft_origin(struct draft_origin *o, const struct arg *v);
void draft_origin_done(struct shell *sh, const struct draft_origin *o);

/* draft_write - ask for missing fields and the body, on the terminal, up to a
 * line that holds only a dot. */
int draft_write(struct shell *sh);

#endif
