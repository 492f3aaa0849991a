#ifndef PP_RECEIVER_RECEIVER_ALIAS_FILE_H
#define PP_RECEIVER_RECEIVER_ALIAS_FILE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/span.h"

/*
 * The text of an aliases file, word by word:
 *
 *   # comment
 *   sales@xyz.com: bob@xyz.com, carol@xyz.com
 *       dave@xyz.com
 *
 * A name and a colon at the start of a line; targets, separated by commas or
 * blanks, behind it and on lines that begin with a blank.  A quoted local part
 * may hold any of these.  Pure grammar; what a word means is not known here.
 */
struct receiver_alias_file {
	struct span rest;
	int line;      /* of what is next */
	bool at_start; /* of a line */
	bool fresh;    /* no word of this line yet */
	bool has_name; /* a target belongs to somebody */
};

struct receiver_alias_word {
	bool is_name; /* else a target of the last name */
	struct span text;
	int line;
};

enum { RECEIVER_ALIAS_FILE_MAX = 16 * 1024 * 1024 };

void receiver_alias_file_init(struct receiver_alias_file *f, struct span text);

/* receiver_alias_file_next - 1 with *w, 0 at the end, -1 (PERM) when the text
 * is not of that form: f->line says where. */
int receiver_alias_file_next(struct receiver_alias_file *f,
			     struct receiver_alias_word *w, struct err *e);

#endif
