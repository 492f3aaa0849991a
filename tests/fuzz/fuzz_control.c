/*
 * A request line of the control socket.  What is understood is bounded, sorted
 * and without control bytes, and nothing is changed without a choice.
 */
#include "fuzz.h"

#include "sender/control_request.h"

static void
check_text(const char *s, size_t size)
{
	FUZZ_CHECK(memchr(s, '\0', size) != NULL);
	for (; *s != '\0'; s++)
		FUZZ_CHECK((unsigned char)*s >= 0x20 && *s != 0x7f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span line = span_make((const char *)data, size);
	struct control_request *r = calloc(1, sizeof(*r));
	struct err e = { 0 };

	FUZZ_CHECK(r != NULL);
	if (control_request_parse(r, line, &e) != 0) {
		FUZZ_CHECK(e.class == ERR_PERM && e.msg[0] != '\0');
		free(r);
		return 0;
	}
	FUZZ_CHECK(r->n_ids <= CONTROL_IDS_MAX);
	for (unsigned i = 0; i < r->n_ids; i++) {
		check_text(r->ids[i], sizeof(r->ids[i]));
		FUZZ_CHECK(r->ids[i][0] != '\0');
		FUZZ_CHECK(i == 0 || strcmp(r->ids[i - 1], r->ids[i]) < 0);
		FUZZ_CHECK(control_request_find(r, r->ids[i]) == (int)i);
	}
	check_text(r->sender, sizeof(r->sender));
	check_text(r->recipient, sizeof(r->recipient));
	check_text(r->destination, sizeof(r->destination));
	check_text(r->address, sizeof(r->address));
	FUZZ_CHECK(r->verb != CONTROL_WHY || r->address[0] != 0);
	FUZZ_CHECK(r->verb != CONTROL_TLS_FORGET || r->destination[0] != 0);
	FUZZ_CHECK(r->older_than_s >= 0);
	bool changes = r->verb == CONTROL_HOLD || r->verb == CONTROL_RELEASE ||
		       r->verb == CONTROL_RETRY || r->verb == CONTROL_REMOVE ||
		       r->verb == CONTROL_CANCEL;
	FUZZ_CHECK(!changes || r->all || r->n_ids > 0 || r->sender[0] != 0 ||
		   r->recipient[0] != 0 || r->destination[0] != 0 ||
		   r->older_than_s > 0);
	free(r);
	return 0;
}
