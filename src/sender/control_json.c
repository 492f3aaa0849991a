#include "sender/control_json.h"

#include "mail/utf8.h"

static void
put(struct control_json *j, const char *p, size_t n)
{
	j->failed = j->failed || buf_add(j->out, p, n) != 0;
}

void
control_json_begin(struct control_json *j, struct buf *out)
{
	*j = (struct control_json){ .out = out, .start = out->n };
	put(j, "{", 1);
}

/* Keys are our own words. */
static void
put_key(struct control_json *j, const char *key)
{
	if (j->out->n > j->start + 1)
		put(j, ",", 1);
	j->failed = j->failed || buf_addf(j->out, "\"%s\":", key) != 0;
}

/* RFC 8259 7 */
void
control_json_text(struct control_json *j, const char *key, const char *value)
{
	struct span s = span_of(value);

	put_key(j, key);
	put(j, "\"", 1);
	while (s.n > 0 && !j->failed) {
		unsigned char c = (unsigned char)s.p[0];
		size_t n = utf8_next(s);
		if (n == 0) {
			put(j, "\\ufffd", 6);
			n = 1;
		} else if (c == '"' || c == '\\') {
			char pair[2] = { '\\', (char)c };
			put(j, pair, 2);
		} else if (c < 0x20 || c == 0x7f) {
			j->failed = buf_addf(j->out, "\\u%04x", c) != 0;
		} else {
			put(j, s.p, n);
		}
		s = span_skip(s, n);
	}
	put(j, "\"", 1);
}

void
control_json_number(struct control_json *j, const char *key, int64_t value)
{
	put_key(j, key);
	j->failed =
	    j->failed || buf_addf(j->out, "%lld", (long long)value) != 0;
}

void
control_json_bool(struct control_json *j, const char *key, bool value)
{
	put_key(j, key);
	put(j, value ? "true" : "false", value ? 4 : 5);
}

int
control_json_end(struct control_json *j)
{
	put(j, "}\n", 2);
	if (j->failed)
		j->out->n = j->start;
	return j->failed ? -1 : 0;
}
