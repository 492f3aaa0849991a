/*
 * The input writes a segment and then spoils it.  Its first bytes say how many
 * records and how long; the rest are pairs of a place and a byte to put there.
 * Whatever is spoilt, a record that is given out must be one that was written,
 * in order; and without spoiling all of them come back.  The last one has a
 * mark behind it: when it is lost, that is damage.
 */
#include "fuzz.h"

#include <string.h>

#include "base/buf.h"
#include "journal/crc32c.h"
#include "journal/segment.h"

enum {
	RECORDS_MAX = 12,
	TEXT_MAX = 8192,
	INDEX = 7,
	FIRST = 100,
	TAG = 0x5eed1e55,
};

struct world {
	size_t length[RECORDS_MAX];
	unsigned n;
	uint64_t last;
	unsigned seen;
};

/* Payloads that say which record they belong to. */
static char
payload_byte(unsigned record, size_t at)
{
	return (char)(record * 31 + at);
}

static int
see(void *ctx, const struct segment_record *r, struct err *e)
{
	struct world *w = ctx;

	(void)e;
	FUZZ_CHECK(r->seq >= FIRST && r->seq < FIRST + w->n);
	FUZZ_CHECK(r->seq > w->last);
	unsigned which = (unsigned)(r->seq - FIRST);
	FUZZ_CHECK(r->payload.n == w->length[which]);
	for (size_t i = 0; i < r->payload.n; i++)
		FUZZ_CHECK(r->payload.p[i] == payload_byte(which, i));
	w->last = r->seq;
	w->seen++;
	return 0;
}

/* A header as segment_create writes it, without a file. */
static void
put_header(char *text)
{
	memcpy(text, "PPJRNL1\n", 8);
	segment_put_u64(text + 8, INDEX);
	segment_put_u64(text + 16, FIRST);
	segment_put_u64(text + 24, (uint64_t)TAG << 32);
	uint32_t crc = crc32c(crc32c(0, text, 24), text + 28, 4);
	for (int i = 0; i < 4; i++, crc >>= 8)
		text[24 + i] = (char)(crc & 255);
}

static size_t
put_records(struct world *w, char *text)
{
	size_t at = SEGMENT_HEADER_BYTES;
	char payload[256];

	for (unsigned i = 0; i < w->n; i++) {
		struct span part = span_make(payload, w->length[i]);
		struct segment_record r = { .seq = FIRST + i,
					    .durable = FIRST + i - 1,
					    .type = i };
		for (size_t k = 0; k < w->length[i]; k++)
			payload[k] = payload_byte(i, k);
		segment_put(text + at, TAG, &r, &part, 1);
		at += segment_record_size(w->length[i]);
	}
	struct segment_record mark = { .seq = FIRST + w->n,
				       .durable = FIRST + w->n - 1,
				       .type = SEGMENT_MARK };
	segment_put(text + at, TAG, &mark, NULL, 0);
	return at;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[TEXT_MAX];
	char head[SEGMENT_HEADER_BYTES];
	struct segment_scan found = { 0 };
	struct world w = { 0 };
	struct err e;

	if (size < 1)
		return 0;
	memset(text, 0, sizeof(text));
	w.n = data[0] % (RECORDS_MAX + 1);
	data++;
	size--;
	for (unsigned i = 0; i < w.n && size > 0; i++, data++, size--)
		w.length[i] = data[0];
	put_header(text);
	size_t end = put_records(&w, text);
	FUZZ_CHECK(end + SEGMENT_RECORD_BYTES <= sizeof(text));
	FUZZ_CHECK(segment_scan_text(span_make(text, sizeof(text)), INDEX, see,
				     &w, &found, &e) == 0);
	FUZZ_CHECK(w.seen == w.n && found.damaged == 0 &&
		   found.torn_bytes == 0);
	memcpy(head, text, sizeof(head));
	for (; size >= 3; data += 3, size -= 3)
		text[(size_t)(data[0] << 8 | data[1]) % end] = (char)data[2];
	w.last = w.seen = 0;
	found = (struct segment_scan){ 0 };
	FUZZ_CHECK(segment_scan_text(span_make(text, sizeof(text)), INDEX, see,
				     &w, &found, &e) == 0);
	/* The mark was not touched.  A header that says something else and is
	 * right would be another matter. */
	bool same = memcmp(head, text, sizeof(head)) == 0;
	FUZZ_CHECK(!same || w.seen == w.n || found.damaged > 0);
	return 0;
}
