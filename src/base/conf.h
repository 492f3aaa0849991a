#ifndef PP_BASE_CONF_H
#define PP_BASE_CONF_H

#include <stddef.h>

#include "base/err.h"
#include "base/span.h"

/*
 * conf - INI text to (line, section, key, value) events; the only user of inih.
 * Debian's inih cuts long lines, hides line numbers and treats " ;" inside a
 * value as a comment, so lines are fed to it one at a time by a reader that
 * counts them and refuses what inih would silently change.
 */
enum { CONF_LINE_MAX = 190, CONF_FILE_MAX = 1024 * 1024 };

/* Called for each key; returns 0, or -1 with a reason in *e (class PERM). */
typedef int conf_fn(void *ctx, int line, const char *section, const char *key,
		    const char *value, struct err *e);

/*
 * conf_parse_text - parse `text`; `name` is what errors call the file.
 * Returns 0, or -1 with e->msg "name:line: reason" at the first bad line.
 */
int conf_parse_text(struct span text, const char *name, conf_fn *fn, void *ctx,
		    struct err *e);

/* conf_parse_file - the same from a file (<= CONF_FILE_MAX bytes). */
int conf_parse_file(const char *path, conf_fn *fn, void *ctx, struct err *e);

/*
 * conf_nearest - the candidate closest to `word` by edit distance, when it is
 * close enough to be a typing mistake; else NULL.
 */
const char *conf_nearest(const char *word, const char *const *candidates,
			 size_t n);

#endif
