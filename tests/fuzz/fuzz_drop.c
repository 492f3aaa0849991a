/* The input is a file from the maildrop.  A head that is taken, written again
 * from what was read, is the same. */
#include "fuzz.h"

#include <stdlib.h>

#include "mail/drop.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_make((const char *)data, size);
	static struct drop d, again; /* too large for a frame */
	struct buf out;
	size_t head = 0;
	struct err e = { 0 };

	if (drop_parse(text, &d, &head, &e) != 0) {
		FUZZ_CHECK(e.class == ERR_PERM);
		return 0;
	}
	FUZZ_CHECK(head <= size && head <= DROP_HEAD_MAX);
	FUZZ_CHECK(d.n_to >= 1 && d.n_to <= DROP_RECIPIENTS_MAX);
	FUZZ_CHECK(d.size_bytes >= 0);
	for (unsigned i = 0; i < d.n_to; i++) {
		FUZZ_CHECK(d.to[i].p > text.p && d.to[i].n > 0);
		FUZZ_CHECK(d.to[i].p + d.to[i].n < text.p + head);
	}
	buf_init(&out, 2 * (size_t)DROP_HEAD_MAX);
	FUZZ_CHECK(drop_format(&d, &out, &e) == 0);
	size_t size_again = 0;
	FUZZ_CHECK(drop_parse(buf_span(&out), &again, &size_again, &e) == 0);
	FUZZ_CHECK(size_again == out.n && again.n_to == d.n_to);
	FUZZ_CHECK(again.crc == d.crc && again.size_bytes == d.size_bytes);
	FUZZ_CHECK(again.notify == d.notify && again.ret == d.ret);
	FUZZ_CHECK(span_eq(again.reverse_path, d.reverse_path));
	for (unsigned i = 0; i < d.n_to; i++)
		FUZZ_CHECK(span_eq(again.to[i], d.to[i]));
	buf_free(&out);
	return 0;
}
