#ifndef PP_SHELL_COMPLETE_H
#define PP_SHELL_COMPLETE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * What could stand where the cursor is, without asking a server.  Knows
 * nothing of Readline, so that it can be tested.
 */
struct shell;

struct complete_list {
	char **word; /* malloc'ed */
	size_t n;
	bool files; /* complete file names instead */
};

/*
 * complete_word - candidates for the word line[start..end), where `line` is
 * everything typed; `addresses`: the line is an address list, no command.
 * A failure of memory gives fewer candidates.
 */
void complete_word(struct shell *sh, bool addresses, const char *line,
		   size_t start, size_t end, struct complete_list *list);
void complete_free(struct complete_list *list);

/* complete_describe - what stands behind a candidate (a message number) into
 * text; false when there is nothing to say. */
bool complete_describe(struct shell *sh, const char *word, char *text,
		       size_t size);

#endif
