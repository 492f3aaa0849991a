#ifndef PP_TESTS_WIRE_MILTER_PLAY_H
#define PP_TESTS_WIRE_MILTER_PLAY_H

#include "base/span.h"
#include "base/thread.h"
#include "smtp_recorder.h"

/*
 * Two messages through a milter filter, with the recorder as the policy behind
 * it and a milter that says what a script makes it say: each byte n of it is
 * followed by n bytes that are sent when the milter is asked the next thing (0:
 * nothing is sent); after the last the connection is closed.  It aborts when
 * the filter breaks its word: the policy is kept to its contract, what is
 * stored has no bare line end, and a message is stored once if and only if that
 * was answered, unless it was asked to vanish.
 */
struct milter_play {
	struct span script;
	const char *fallback;    /* "tempfail", "accept", "reject" */
	int timeout_ms;          /* of each step */
	const struct wake *stop; /* smtp_client_info.kill, or NULL */
	/* out */
	int stored;    /* messages */
	int last_code; /* of the last reply to a message or its envelope */
	int asked;     /* questions the milter has heard */
	/* hook - around all that the filter does, or NULL */
	void (*hook)(bool begins);
};

void milter_play(struct milter_play *p);

/* milter_play_check - abort with this place unless ok. */
#define milter_play_check(ok) milter_play_must((ok), #ok, __FILE__, __LINE__)
void milter_play_must(bool ok, const char *what, const char *file, int line);

/* milter_play_reply - is it one that may be sent? */
void milter_play_reply(const struct smtp_reply *r);

#endif
