/* The input is an aliases file.  What is read from it, written an alias a line,
 * reads the same. */
#include "fuzz.h"

#include <stdlib.h>

#include "base/buf.h"
#include "receiver/receiver_alias_file.h"

enum { TEXT_MAX = 8 * 1024 * 1024 };

static void
write_word(struct buf *out, const struct receiver_alias_word *w)
{
	if (buf_add_str(out, w->is_name ? "\n" : " ") != 0 ||
	    buf_add_span(out, w->text) != 0 ||
	    (w->is_name && buf_add_char(out, ':') != 0))
		abort(); /* out of memory is no finding */
}

/* All words, written into *out; false when the text is refused. */
static bool
read_words(struct span text, struct buf *out)
{
	struct receiver_alias_file f;
	struct receiver_alias_word w;
	const char *last = text.p;
	int more, line = 1;
	bool any = false;
	struct err e = { 0 };

	receiver_alias_file_init(&f, text);
	while ((more = receiver_alias_file_next(&f, &w, &e)) == 1) {
		FUZZ_CHECK(w.text.p >= last);
		last = w.text.p + w.text.n;
		FUZZ_CHECK(last <= text.p + text.n);
		FUZZ_CHECK(w.line >= line);
		line = w.line;
		FUZZ_CHECK(w.text.n > 0);
		FUZZ_CHECK(any || w.is_name);
		for (size_t i = 0; i < w.text.n; i++)
			FUZZ_CHECK((unsigned char)w.text.p[i] >= ' ' &&
				   w.text.p[i] != 0x7f);
		any = true;
		write_word(out, &w);
	}
	FUZZ_CHECK(more == 0 || e.class == ERR_PERM);
	return more == 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_make((const char *)data, size);
	struct buf once, twice;

	buf_init(&once, TEXT_MAX);
	buf_init(&twice, TEXT_MAX);
	if (read_words(text, &once)) {
		FUZZ_CHECK(read_words(buf_span(&once), &twice));
		FUZZ_CHECK(span_eq(buf_span(&once), buf_span(&twice)));
	}
	buf_free(&once);
	buf_free(&twice);
	return 0;
}
