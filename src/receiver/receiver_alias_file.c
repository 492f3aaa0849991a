#include "receiver/receiver_alias_file.h"

void
receiver_alias_file_init(struct receiver_alias_file *f, struct span text)
{
	*f = (struct receiver_alias_file){
		.rest = text, .line = 1, .at_start = true, .fresh = true
	};
}

static char
at(const struct receiver_alias_file *f, size_t i)
{
	return i < f->rest.n ? f->rest.p[i] : '\n';
}

static bool
is_separator(const struct receiver_alias_file *f, size_t i)
{
	char c = at(f, i);

	return span_is_blank(c) || c == ',' ||
	       (c == '\r' && at(f, i + 1) == '\n');
}

static void
skip_line(struct receiver_alias_file *f)
{
	long lf = span_find(f->rest, '\n', 0);

	f->rest = span_skip(f->rest, lf < 0 ? f->rest.n : (size_t)lf + 1);
	f->line++;
	f->at_start = f->fresh = true;
}

/* To the next word: over separators, line ends, comments. False: the end. */
static bool
find_word(struct receiver_alias_file *f)
{
	while (f->rest.n > 0) {
		if (at(f, 0) == '\n' || (f->fresh && at(f, 0) == '#')) {
			skip_line(f);
		} else if (is_separator(f, 0)) {
			f->at_start = false; /* the line before goes on */
			f->rest = span_skip(f->rest, 1);
		} else {
			return true;
		}
	}
	return false;
}

/* A run of bytes up to a separator, or for a name its colon, outside quotes. */
static int
take_word(struct receiver_alias_file *f, bool is_name, struct span *text,
	  struct err *e)
{
	bool quoted = false, escaped = false;
	size_t n = 0;

	for (; at(f, n) != '\n'; n++) {
		char c = at(f, n);
		if (!quoted && (is_separator(f, n) || (is_name && c == ':')))
			break;
		if ((unsigned char)c < ' ' || c == 0x7f)
			return err_set(e, ERR_PERM, 0, "control byte");
		if (escaped)
			escaped = false;
		else if (c == '"')
			quoted = !quoted;
		else
			escaped = quoted && c == '\\';
	}
	if (quoted)
		return err_set(e, ERR_PERM, 0, "'\"' is not closed");
	*text = span_head(f->rest, n);
	f->rest = span_skip(f->rest, n);
	return 0;
}

static int
take_colon(struct receiver_alias_file *f, struct span name, struct err *e)
{
	while (span_is_blank(at(f, 0)))
		f->rest = span_skip(f->rest, 1);
	if (at(f, 0) != ':' || name.n == 0)
		return err_set(e, ERR_PERM, 0,
			       "a line is 'name: user@domain ...'");
	f->rest = span_skip(f->rest, 1);
	return 0;
}

int
receiver_alias_file_next(struct receiver_alias_file *f,
			 struct receiver_alias_word *w, struct err *e)
{
	if (!find_word(f))
		return 0;
	bool is_name = f->at_start;
	*w =
	    (struct receiver_alias_word){ .is_name = is_name, .line = f->line };
	if (!is_name && !f->has_name)
		return err_set(e, ERR_PERM, 0,
			       "a target before the first name");
	if (take_word(f, is_name, &w->text, e) != 0 ||
	    (is_name && take_colon(f, w->text, e) != 0))
		return -1;
	f->has_name = true;
	f->at_start = f->fresh = false;
	return 1;
}
