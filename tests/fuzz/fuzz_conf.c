/* The input is a configuration file.  Whatever inih makes of it, a key and its
 * value stand in the line that is named, as they are; and a value that means
 * something as a number or a time never overflows. */
#include "fuzz.h"

#include "base/conf.h"
#include "base/option.h"

struct seen {
	struct span text;
	int line;
};

static struct span
line_of(struct span text, int number)
{
	struct span line = { "", 0 };

	for (int i = 0; i < number; i++) {
		long lf = span_find(text, '\n', 0);
		size_t n = lf < 0 ? text.n : (size_t)lf;
		FUZZ_CHECK(text.n > 0);
		line = span_head(text, n);
		text = span_skip(text, n + (lf >= 0));
	}
	return line;
}

static int
on_key(void *ctx, int line, const char *section, const char *key,
       const char *value, struct err *e)
{
	struct seen *seen = ctx;
	int64_t v;

	FUZZ_CHECK(line > seen->line);
	seen->line = line;
	struct span s = line_of(seen->text, line);
	long equals = span_find(s, '=', 0);
	FUZZ_CHECK(equals > 0);
	struct span left = span_trim(span_head(s, (size_t)equals));
	if (line == 1 && left.n >= 3 && memcmp(left.p, "\xef\xbb\xbf", 3) == 0)
		left = span_trim(span_skip(left, 3));
	FUZZ_CHECK(span_eq(left, span_of(key)));
	FUZZ_CHECK(span_eq(span_trim(span_skip(s, (size_t)equals + 1)),
			   span_of(value)));
	FUZZ_CHECK(strlen(section) < 50);
	if (option_parse_size(span_of(value), &v) == 0)
		FUZZ_CHECK(v >= 0);
	if (option_parse_time(span_of(value), &v) == 0)
		FUZZ_CHECK(v >= 0);
	static const char *const words[] = { "listen", "size-max", "users" };
	(void)conf_nearest(key, words, 3);
	return strcmp(key, "refuse") == 0
		   ? err_set(e, ERR_PERM, 0, "%s: no", key)
		   : 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen seen = { span_make((const char *)data, size), 0 };
	struct err e = { 0 };

	if (conf_parse_text(seen.text, "conf", on_key, &seen, &e) != 0)
		FUZZ_CHECK(strncmp(e.msg, "conf:", 5) == 0);
	return 0;
}
