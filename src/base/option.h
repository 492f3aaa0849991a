#ifndef PP_BASE_OPTION_H
#define PP_BASE_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/conf.h"
#include "base/err.h"

/*
 * One table per program describes every configuration key: it drives the
 * parser, --check, --dump-options, the sample in conf/ and the man page.
 * Values land in a plain struct at `offset` (filled with defaults first).
 *
 *   type            C field            written as
 *   OPTION_BOOL     bool               yes | no
 *   OPTION_INT      int64_t            4096
 *   OPTION_SIZE     int64_t (bytes)    64K 25M 1G (powers of 1024)
 *   OPTION_TIME     int64_t (ms)       500ms 30s 5m 4h 5d
 *   OPTION_STRING   char *             text (malloc'ed, owned by the struct)
 *   OPTION_WORDS    struct option_list comma or blank separated words; the key
 *                                      may be repeated and its words add up,
 *                                      as one line is short
 *   OPTION_ENUM     int                one of `words`, its index
 *   OPTION_MAP      struct option_map  a whole section of name = value lines
 *                                      (key is NULL in the table)
 */
enum option_type {
	OPTION_BOOL,
	OPTION_INT,
	OPTION_SIZE,
	OPTION_TIME,
	OPTION_STRING,
	OPTION_WORDS,
	OPTION_ENUM,
	OPTION_MAP,
};

struct option {
	const char *section;
	const char *key;
	enum option_type type;
	size_t offset;
	const char *standard;     /* default, as text; NULL = required */
	int64_t min, max;         /* INT, SIZE (bytes), TIME (ms); 0,0 = none */
	const char *const *words; /* ENUM, NULL-terminated */
	const char *help;         /* one sentence */
};

struct option_list {
	char **v;
	size_t n;
};

struct option_pair {
	char *name;
	char *value;
	int line; /* in the file, for later complaints */
};
struct option_map {
	struct option_pair *v;
	size_t n;
};

/*
 * option_load - read `path` and fill `values` (a zeroed struct) by `table`
 * (ends with section == NULL).  Every key but a WORDS one may stand once.  What
 * the file says of a WORDS key replaces its default.  On failure returns
 * -1 with e->msg "file:line: key: reason" (for an unknown key or section with
 * ", did you mean 'x'?"), and the struct holds nothing to free.
 */
int option_load(const struct option *table, const char *path, void *values,
		struct err *e);

/* option_defaults - the same without a file (required keys stay empty). */
int option_defaults(const struct option *table, void *values, struct err *e);

/* option_free - give back what the two above allocated in *values. */
void option_free(const struct option *table, void *values);

/* option_dump - "[section]" blocks with every key, its value in `values` and
 * its help as a comment; loadable again. */
void option_dump(const struct option *table, const void *values, FILE *out);

/* option_dump_noted - the same, and the comment of a key ends with what note()
 * says of it, if that is not NULL. */
typedef const char *option_note_fn(const void *ctx, const struct option *o);
void option_dump_noted(const struct option *table, const void *values,
		       option_note_fn *note, const void *ctx, FILE *out);

/* option_is_same - has key `o` one value in both structs?  (false, too, when
 * there is no memory to see.) */
bool option_is_same(const struct option *o, const void *a, const void *b);

/* option_parse_size, _time - one value by itself ("25M", "5d"). */
int option_parse_size(struct span text, int64_t *bytes);
int option_parse_time(struct span text, int64_t *ms);

#endif
