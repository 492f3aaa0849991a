/* The input is what a server answers, line by line.  Whatever it is, the reply
 * we keep is bounded, printable and of one code. */
#include "fuzz.h"

#include "mail/status.h"
#include "mail/utf8.h"

static void
check_reply(const struct smtp_reply *r)
{
	char line[200];
	struct span text = span_of(r->text);

	FUZZ_CHECK(text.n < REPLY_TEXT_SIZE);
	FUZZ_CHECK(utf8_is_valid(text));
	for (size_t i = 0; i < text.n; i++)
		FUZZ_CHECK(
		    text.p[i] == '\n' ||
		    ((unsigned char)text.p[i] >= ' ' && text.p[i] != 0x7f));
	FUZZ_CHECK(r->code == 0 || (r->code >= 200 && r->code <= 599));
	if (r->enhanced[0] != '\0')
		FUZZ_CHECK(r->enhanced[0] == '0' + r->code / 100);
	reply_one_line(r, line, sizeof(line));
	FUZZ_CHECK(strlen(line) < sizeof(line));
	FUZZ_CHECK(utf8_is_valid(span_of(line)));
	FUZZ_CHECK(strchr(line, '\n') == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_make((const char *)data, size);
	struct smtp_reply r = { .code = 0 };
	struct err e;

	while (in.n > 0) {
		long lf = span_find(in, '\n', 0);
		size_t n = lf < 0 ? in.n : (size_t)lf;
		int code = r.code;
		int rc = reply_add_line(&r, span_head(in, n), &e);

		FUZZ_CHECK(rc >= -1 && rc <= 1);
		FUZZ_CHECK(rc == 0 || rc == 1 || e.class == ERR_PROTO);
		FUZZ_CHECK(code == 0 || r.code == code);
		check_reply(&r);
		if (rc == 1)
			r = (struct smtp_reply){ .code = 0 };
		in = span_skip(in, lf < 0 ? n : n + 1);
	}
	return 0;
}
