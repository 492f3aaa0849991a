#ifndef PP_SENDER_CONTROL_REQUEST_H
#define PP_SENDER_CONTROL_REQUEST_H

#include "base/err.h"
#include "base/rand.h"
#include "base/span.h"
#include "mail/address.h"
#include "queue/scheduler.h"

/*
 * The one line that a client of the control socket sends:
 *
 *   verb key=value key=value ...
 *
 * Values are percent-escaped (%20 for a blank).  Pure; any thread; hostile
 * input: unknown verbs and keys, a key twice, control bytes and over-long
 * values are refused (PERM) with a reason.
 */
enum {
	CONTROL_LINE_MAX = 8000,
	CONTROL_IDS_MAX = 256, /* id=... may be repeated */
};

enum control_verb {
	CONTROL_LIST,
	CONTROL_SHOW,
	CONTROL_HOLD,
	CONTROL_RELEASE,
	CONTROL_RETRY,
	CONTROL_REMOVE,
	CONTROL_CANCEL,
	CONTROL_FLUSH,
	CONTROL_TRAIL,
	CONTROL_WHY,
	CONTROL_TLS_LIST,
	CONTROL_TLS_FORGET,
};

/* Texts that are not given are "". */
struct control_request {
	enum control_verb verb;
	char ids[CONTROL_IDS_MAX][RAND_ID_SIZE]; /* sorted, each once */
	unsigned n_ids;
	char sender[ADDRESS_SIZE];
	char recipient[ADDRESS_SIZE];
	char destination[SCHEDULER_KEY_SIZE];
	char address[ADDRESS_SIZE];
	int64_t older_than_s;
	bool all;
};

int control_request_parse(struct control_request *r, struct span line,
			  struct err *e);

/* control_request_verb - the word for it. */
const char *control_request_verb(enum control_verb v);

/* control_request_find - the place of an id in ids, or -1. */
int control_request_find(const struct control_request *r, const char *id);

#endif
