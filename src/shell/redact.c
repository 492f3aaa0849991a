#include "shell/redact.h"

#include <string.h>

/* The end of the word at `from`: quotes hold it together. */
static size_t
word_end(struct span s, size_t from)
{
	char quote = 0;
	size_t i;

	for (i = from; i < s.n; i++) {
		char c = s.p[i];

		if (quote == '"' && c == '\\')
			i++;
		else if (quote != 0)
			quote = c == quote ? 0 : quote;
		else if (c == '"' || c == '\'')
			quote = c;
		else if (span_is_blank(c) || c == ';' || c == '\n')
			break;
	}
	return i < s.n ? i : s.n;
}

int
redact_line(struct span line, struct buf *out)
{
	static const char option[] = "--password";
	size_t n = sizeof(option) - 1, from = 0;

	for (size_t i = 0; i + n < line.n; i++) {
		size_t value = i + n;

		if (memcmp(line.p + i, option, n) != 0 ||
		    (line.p[value] != '=' && !span_is_blank(line.p[value])))
			continue;
		if (line.p[value] == '=')
			value++;
		while (value < line.n && span_is_blank(line.p[value]))
			value++;
		if (buf_add(out, line.p + from, value - from) != 0 ||
		    buf_add_str(out, "***") != 0)
			return -1;
		from = word_end(line, value);
		if (from == line.n)
			return 0;
		i = from;
	}
	return buf_add(out, line.p + from, line.n - from);
}
