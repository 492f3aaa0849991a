#include "receiver/received_count.h"

/* Where in a line we are. */
enum {
	MATCHING, /* every byte so far is the field's name */
	OTHER,    /* not that field: wait for the line end */
	BODY,     /* the header is over */
};

static const char name[] = "received:";

void
received_count_feed(struct received_count *c, struct span bytes)
{
	for (size_t i = 0; i < bytes.n && c->state != BODY; i++) {
		char at = bytes.p[i];
		if (at == '\r')
			continue;
		if (at == '\n') {
			bool empty = c->state == MATCHING && c->column == 0;
			c->state = empty ? BODY : MATCHING;
			c->column = 0;
			continue;
		}
		if (c->state == OTHER)
			continue;
		if (span_lower(at) != (unsigned char)name[c->column]) {
			/* blanks before the colon are allowed (RFC 5322 4.5) */
			if (!span_is_blank(at) || name[c->column] != ':')
				c->state = OTHER;
			continue;
		}
		if (name[++c->column] == '\0') {
			c->n++;
			c->state = OTHER;
		}
	}
}
