/*
 * The input is the payload of a record in the receiver's journal.  What is
 * understood leads into no other directory, and is written out again the same.
 */
#include "fuzz.h"

#include <string.h>

#include "ids/ids.h"
#include "store/ledger_record.h"
#include "store/maildir.h"

static void
check_safe(const struct ledger_accept *a, char mailbox[][LEDGER_MAILBOX_SIZE],
	   unsigned max)
{
	struct span rest = a->mailboxes;
	char one[LEDGER_MAILBOX_SIZE];
	unsigned n = 0;

	FUZZ_CHECK(memchr(a->name.p, '/', a->name.n) == NULL);
	FUZZ_CHECK(a->name.n < MAILDIR_NAME_SIZE && a->name.p[0] != '.');
	FUZZ_CHECK(a->id.n <= IDS_TEXT_MAX);
	FUZZ_CHECK(!a->has_bytes || a->bytes.n == a->size);
	while (ledger_record_mailbox(&rest, one)) {
		FUZZ_CHECK(maildir_address_is_safe(one));
		if (n < max)
			memcpy(mailbox[n], one, sizeof(one));
		n++;
	}
	FUZZ_CHECK(n == a->n_mailboxes && rest.n == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum { SOME = 4 };
	struct span all = span_make((const char *)data, size);
	char mailbox[SOME][LEDGER_MAILBOX_SIZE];
	const char *names[SOME];
	struct span box, unique;
	struct ledger_accept a;
	struct buf out;

	buf_init(&out, size + 64);
	(void)ledger_record_parse_gone(all, &box, &unique);
	if (ledger_record_parse_accept(all, &a) == 0) {
		check_safe(&a, mailbox, SOME);
		for (unsigned i = 0; i < SOME; i++)
			names[i] = mailbox[i];
		if (a.n_mailboxes <= SOME) {
			FUZZ_CHECK(ledger_record_accept(
				       &a, names, a.n_mailboxes, &out) == 0);
			FUZZ_CHECK(buf_add_span(&out, a.bytes) == 0);
			FUZZ_CHECK(span_eq(buf_span(&out), all));
		}
	}
	buf_free(&out);
	return 0;
}
