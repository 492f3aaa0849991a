#ifndef PP_RECEIVER_RECEIVED_COUNT_H
#define PP_RECEIVER_RECEIVED_COUNT_H

#include "base/span.h"

/*
 * Counts the Received fields of a header that streams past in pieces of any
 * size, for the loop limit (RFC 5321 6.3).  Zero is the start of a message.
 * Pure; one thread at a time.
 */
struct received_count {
	unsigned n;
	unsigned column; /* in this line, up to the end of the name */
	int state;       /* private */
};

void received_count_feed(struct received_count *c, struct span bytes);

#endif
