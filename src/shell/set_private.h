#ifndef PP_SHELL_SET_PRIVATE_H
#define PP_SHELL_SET_PRIVATE_H

#include "shell/set.h"

/* Shared by set_parse.c (the grammar) and set_value.c (what follows a key). */
enum set_value_type {
	SET_VALUE_TEXT,
	SET_VALUE_HEADER,
	SET_VALUE_SIZE,
	SET_VALUE_DAY,
	SET_VALUE_SPAN
};

/* set_value - understand step->text, the value of a key in `word` (borrowed,
 * and named in the failure); a time is before now_s.  A status. */
int set_value(struct set_step *step, enum set_value_type type, struct span word,
	      int64_t now_s, struct failure *f);

#endif
