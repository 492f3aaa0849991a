/*
 * INI text through inih.
 *
 * inih is a good grammar and a silent one: it cuts a line at 200 bytes and
 * takes the rest for another line, cuts section and key names at 49 bytes,
 * drops what follows " ;", takes "key: a=b" for a key "key", joins an indented
 * line to the value before it and goes on after an error.  A server that
 * starts with half a value is worse than one that does not start, so every
 * line is looked at here first; inih sees only lines it takes literally.
 */
#include "base/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/durable.h"

enum {
	CONF_NAME_MAX = 48, /* inih keeps 49 bytes of a section or a key */
	CONF_WORD_MAX = 64, /* longest word conf_nearest() looks at */
};

struct conf_reader {
	struct span rest;
	const char *name;
	int line;
	int failed;
	conf_fn *fn;
	void *ctx;
	struct err *e;
};

/* The rest of a "[section]" line. */
static int
check_section(struct span s, struct err *e)
{
	long end = span_find(s, ']', 0);

	if (end < 0)
		return err_set(e, ERR_PERM, 0, "']' is missing after '['");
	if (end == 1)
		return err_set(e, ERR_PERM, 0, "the section has no name");
	if (end > CONF_NAME_MAX + 1)
		return err_set(e, ERR_PERM, 0,
			       "the section name is longer than %d bytes",
			       CONF_NAME_MAX);
	if ((size_t)end + 1 != s.n)
		return err_set(e, ERR_PERM, 0, "text after ']'");
	for (long i = 1; i < end; i++) {
		if (span_is_blank(s.p[i]) || s.p[i] == ';' || s.p[i] == '[')
			return err_set(e, ERR_PERM, 0,
				       "a section name is one word");
	}
	return 0;
}

static int
check_pair(struct span s, struct err *e)
{
	long equals = span_find(s, '=', 0);
	long colon = span_find(s, ':', 0);

	if (equals < 0)
		return err_set(e, ERR_PERM, 0,
			       "'=' is missing: a line is 'key = value'");
	if (colon >= 0 && colon < equals)
		return err_set(e, ERR_PERM, 0, "':' stands before '='");
	struct span key = span_trim(span_head(s, (size_t)equals));
	if (key.n == 0)
		return err_set(e, ERR_PERM, 0, "no key before '='");
	if (key.n > CONF_NAME_MAX)
		return err_set(e, ERR_PERM, 0,
			       "the key is longer than %d bytes",
			       CONF_NAME_MAX);
	for (size_t i = 1; i < s.n; i++) {
		if (s.p[i] == ';' && span_is_blank(s.p[i - 1]))
			return err_set(e, ERR_PERM, 0,
				       "%.*s: a blank before ';': a comment "
				       "stands on a line of its own",
				       SPAN_ARG(key));
	}
	return 0;
}

/* The mark some editors put at the start of a UTF-8 file. */
static bool
has_mark(struct span s)
{
	return s.n >= 3 && memcmp(s.p, "\xef\xbb\xbf", 3) == 0;
}

/* Is `s` (blanks trimmed) a line that inih takes as it stands? */
static int
check_line(struct span s, struct err *e)
{
	if (s.n > CONF_LINE_MAX)
		return err_set(e, ERR_PERM, 0,
			       "the line is longer than %d bytes",
			       CONF_LINE_MAX);
	/* inih would drop it from the first line it gets, comments not counted.
	 */
	if (has_mark(s))
		return err_set(e, ERR_PERM, 0,
			       "a byte order mark within the file");
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return err_set(e, ERR_PERM, 0,
				       "a control byte (0x%02x)", (unsigned)c);
	}
	return s.p[0] == '[' ? check_section(s, e) : check_pair(s, e);
}

/* The next line without blanks around it; 0 at the end of the text. */
static int
take_line(struct conf_reader *r, struct span *line)
{
	if (r->rest.n == 0)
		return 0;
	long end = span_find(r->rest, '\n', 0);
	size_t n = end < 0 ? r->rest.n : (size_t)end;
	*line = span_trim(span_head(r->rest, n));
	r->rest = span_skip(r->rest, n + (end >= 0));
	r->line++;
	if (r->line == 1 && has_mark(*line))
		*line = span_trim(span_skip(*line, 3));
	return 1;
}

/* ini_reader: gives inih one vetted line; NULL ends the parse. */
static char *
read_line(char *str, int num, void *stream)
{
	struct conf_reader *r = stream;
	struct span line;

	while (!r->failed && take_line(r, &line)) {
		/* Comments may be longer than inih's line: they end here. */
		if (line.n == 0 || line.p[0] == '#' || line.p[0] == ';')
			continue;
		if (check_line(line, r->e) != 0) {
			r->failed = 1;
			err_prefix(r->e, "%s:%d", r->name, r->line);
			break;
		}
		if (span_copy(line, str, (size_t)num) == 0)
			return str;
		r->failed = 1;
		err_set(r->e, ERR_BUG, 0, "%s:%d: the line does not fit",
			r->name, r->line);
	}
	return NULL;
}

/* ini_handler: inih wants 0 for an error. */
static int
on_pair(void *user, const char *section, const char *name, const char *value)
{
	struct conf_reader *r = user;

	if (r->failed)
		return 0;
	if (r->fn(r->ctx, r->line, section, name, value, r->e) == 0)
		return 1;
	r->failed = 1;
	err_prefix(r->e, "%s:%d", r->name, r->line);
	return 0;
}

int
conf_parse_text(struct span text, const char *name, conf_fn *fn, void *ctx,
		struct err *e)
{
	struct err own = { .class = ERR_TEMP };
	struct conf_reader r = { .rest = text,
				 .name = name,
				 .fn = fn,
				 .ctx = ctx,
				 .e = e != NULL ? e : &own };

	if (text.n > CONF_FILE_MAX)
		return err_set(e, ERR_LIMIT, 0, "%s: larger than %d bytes",
			       name, CONF_FILE_MAX);
	int rc = ini_parse_stream(read_line, &r, on_pair, &r);
	if (r.failed)
		return -1;
	if (rc > 0) /* a form that check_line() let pass and inih refused */
		return err_set(e, ERR_PERM, 0,
			       "%s:%d: not a section and not "
			       "'key = value'",
			       name, r.line);
	if (rc < 0)
		return err_set(e, ERR_TEMP, ENOMEM, "%s", name);
	return 0;
}

int
conf_parse_file(const char *path, conf_fn *fn, void *ctx, struct err *e)
{
	char *text = NULL;
	size_t n = 0;

	if (durable_read_file(AT_FDCWD, path, CONF_FILE_MAX, &text, &n, e) != 0)
		return -1;
	int rc = conf_parse_text(span_make(text, n), path, fn, ctx, e);
	free(text);
	return rc;
}

static unsigned
least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Edit distance with exchanged neighbours as one step; both <= CONF_WORD_MAX.
 */
static unsigned
edit_distance(struct span a, struct span b)
{
	unsigned rows[3][CONF_WORD_MAX + 1];
	unsigned *older = rows[0], *old = rows[1], *now = rows[2];

	for (size_t j = 0; j <= b.n; j++) {
		old[j] = (unsigned)j;
		older[j] = 0;
	}
	for (size_t i = 1; i <= a.n; i++) {
		now[0] = (unsigned)i;
		for (size_t j = 1; j <= b.n; j++) {
			char x = (char)span_lower(a.p[i - 1]);
			char y = (char)span_lower(b.p[j - 1]);
			now[j] = least(least(old[j], now[j - 1]) + 1,
				       old[j - 1] + (x != y));
			if (i > 1 && j > 1 &&
			    x == (char)span_lower(b.p[j - 2]) &&
			    y == (char)span_lower(a.p[i - 2]))
				now[j] = least(now[j], older[j - 2] + 1);
		}
		unsigned *swap = older;
		older = old;
		old = now;
		now = swap;
	}
	return old[b.n];
}

const char *
conf_nearest(const char *word, const char *const *candidates, size_t n)
{
	struct span w = span_of(word);
	const char *best = NULL;
	unsigned best_distance = 0;

	if (w.n == 0 || w.n > CONF_WORD_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		struct span c = span_of(candidates[i]);
		if (c.n == 0 || c.n > CONF_WORD_MAX)
			continue;
		unsigned d = edit_distance(w, c);
		/* A third of the letters wrong is still a typing mistake. */
		if (d > (c.n < 6 ? 1 + (c.n > 3) : c.n / 3))
			continue;
		if (best == NULL || d < best_distance) {
			best = candidates[i];
			best_distance = d;
		}
	}
	return best;
}
