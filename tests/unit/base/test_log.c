#include "../test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

static char path[64];
static char text[2 * LOG_LINE_MAX]; /* the end of the file */

/* The file's last line, without its LF; until the next call. */
static struct span
last_line(void)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	off_t size = lseek(fd, 0, SEEK_END);
	off_t from = size < 2 * LOG_LINE_MAX ? 0 : size - 2 * LOG_LINE_MAX;
	ssize_t n = pread(fd, text, sizeof(text), from);
	assert_int_equal(close(fd), 0);
	assert_true(n > 0 && text[n - 1] == '\n');
	size_t end = (size_t)n - 1, start = end;
	while (start > 0 && text[start - 1] != '\n')
		start--;
	return span_make(text + start, end - start);
}

static void
assert_ends_with(struct span s, const char *tail)
{
	size_t n = strlen(tail);

	assert_true(s.n >= n);
	assert_memory_equal(s.p + s.n - n, tail, n);
}

static void
write_value(struct span value)
{
	struct log_line l;

	log_begin(&l, LOG_INFO, "event");
	log_span(&l, "key", value);
	log_str(&l, "after", "x");
	log_end(&l);
}

static void
assert_logged(const char *value, size_t n, const char *shown)
{
	write_value(span_make(value, n));
	assert_ends_with(last_line(), shown);
}

static void
a_peer_cannot_forge_a_line_or_a_key(void **state)
{
	(void)state;
	assert_logged("plain", 5, " key=plain after=x");
	assert_logged("", 0, " key=\"\" after=x");
	assert_logged("a\nb", 3, " key=\"a\\x0ab\" after=x");
	assert_logged("a b=\"c\"", 7, " key=\"a b=\\\"c\\\"\" after=x");
	assert_logged("\\", 1, " key=\"\\\\\" after=x");
	assert_logged("\0", 1, " key=\"\\x00\" after=x");
}

static void
terminals_are_not_talked_to(void **state)
{
	(void)state;
	assert_logged("\x1b[2J", 4, " key=\"\\x1b[2J\" after=x");
	assert_logged("\xc2\x9b", 2, " key=\"\\xc2\\x9b\" after=x");
	assert_logged("\x9b", 1, " key=\"\\x9b\" after=x");
	assert_logged("\xe2\x82", 2, " key=\"\\xe2\\x82\" after=x");
	assert_logged("\xff\xfe", 2, " key=\"\\xff\\xfe\" after=x");
	assert_logged("\xe2\x80\xae", 3, " key=\"\\xe2\\x80\\xae\" after=x");
	assert_logged("\xed\xa0\x80", 3, " key=\"\\xed\\xa0\\x80\" after=x");
	assert_logged("J\xc3\xb6rg", 5, " key=\"J\xc3\xb6rg\" after=x");
}

static void
assert_quotes_are_closed(struct span s)
{
	bool open = false;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == '"')
			open = !open;
	}
	assert_false(open);
}

static void
a_line_that_is_cut_says_so(void **state)
{
	static const char fill[] = { 'x', ' ', '"', '\n' };

	(void)state;
	for (size_t f = 0; f < sizeof(fill); f++) {
		for (size_t n = LOG_LINE_MAX / 5; n < LOG_LINE_MAX + 50; n++) {
			char value[LOG_LINE_MAX + 50];
			memset(value, fill[f], n);
			write_value(span_make(value, n));
			struct span line = last_line();
			assert_true(line.n < LOG_LINE_MAX);
			bool whole = line.n >= 8 && memcmp(line.p + line.n - 8,
							   " after=x", 8) == 0;
			if (!whole)
				assert_ends_with(line, " cut=true");
			assert_quotes_are_closed(line);
		}
	}
}

static void
levels_are_kept_out(void **state)
{
	(void)state;
	log_event(LOG_WARN, "seen", NULL, NULL);
	log_event(LOG_DEBUG, "unseen", NULL, NULL);
	assert_ends_with(last_line(), " warn seen");
}

static void
a_new_file_takes_over_after_a_rename(void **state)
{
	char moved[80], below[80];
	struct err e;

	(void)state;
	(void)snprintf(moved, sizeof(moved), "%s.1", path);
	assert_int_equal(rename(path, moved), 0);
	log_event(LOG_INFO, "old", NULL, NULL);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(log_open(path, LOG_INFO, &e), 0);
	log_event(LOG_INFO, "new", NULL, NULL);
	assert_ends_with(last_line(), " info new");
	/* The log's own file is no directory. */
	(void)snprintf(below, sizeof(below), "%s/log", path);
	assert_int_equal(log_open(below, LOG_INFO, &e), -1);
	log_event(LOG_INFO, "still", NULL, NULL);
	assert_ends_with(last_line(), " info still");
	assert_int_equal(unlink(moved), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_peer_cannot_forge_a_line_or_a_key),
		cmocka_unit_test(terminals_are_not_talked_to),
		cmocka_unit_test(a_line_that_is_cut_says_so),
		cmocka_unit_test(levels_are_kept_out),
		cmocka_unit_test(a_new_file_takes_over_after_a_rename),
	};
	struct err e;

	(void)snprintf(path, sizeof(path), "test_log-XXXXXX");
	int fd = mkstemp(path);
	if (fd < 0 || close(fd) != 0 || log_open(path, LOG_INFO, &e) != 0)
		return 1;
	int rc = cmocka_run_group_tests_name("base/log", tests, NULL, NULL);
	(void)unlink(path);
	return rc;
}
