#ifndef PP_MILTER_MILTER_HEADER_H
#define PP_MILTER_MILTER_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "mail/header.h"

/*
 * The header of a message as a list of fields that milters change.  Positions
 * are Sendmail's: the list a milter counts in has our own Received field in it,
 * which no milter sees; what is inserted at 0 goes above that field, at 1 just
 * below it.  A field that is taken away keeps its place in the counting until
 * milter_header_settle, as one milter counts in the header it was shown.
 *
 * Bounds: HEADER_FIELDS_MAX fields, HEADER_BLOCK_MAX bytes, whoever added them;
 * what would be over one of them is PERM, in words for the client.
 * One thread at a time.
 */
struct milter_field {
	struct span whole; /* every line of it, ends in CRLF */
	size_t name_n;     /* 0: a line that is no field; nobody is shown it */
	char *own;         /* the memory of whole, or NULL: the block's */
	bool gone;
};

struct milter_header {
	struct milter_field *v;
	size_t n, cap;
	size_t above; /* so many of them stand above our Received field */
	size_t bytes; /* of those that are not gone */
};

/* milter_header_parse - the fields of `block`, which must live as long.  -1:
 * TEMP or PERM.  h is zeroed before the first use. */
int milter_header_parse(struct milter_header *h, struct span block,
			struct err *e);
void milter_header_clear(struct milter_header *h);

/* milter_field_name, _value - of a field that has a name; the value is all
 * between the colon and the last line end, as it is in the message. */
struct span milter_field_name(const struct milter_field *f);
struct span milter_field_value(const struct milter_field *f);

/*
 * A value comes from a milter: its line ends become CRLF and a line that does
 * not begin with a blank gets one, so that it can neither begin a field nor end
 * the header.  spaced: it brings the blank behind the colon with it (protocol
 * flag MILTER_LEADING_SPACE), else one is put there.
 * -1: TEMP, PERM, or LIMIT for a value that is too long by itself; nothing was
 * changed.
 */
struct milter_value {
	struct span name, text;
	bool spaced;
};
int milter_header_add(struct milter_header *h, const struct milter_value *v,
		      struct err *e);
int milter_header_insert(struct milter_header *h, uint32_t position,
			 const struct milter_value *v, struct err *e);
/* milter_header_change - the occurrence-th field (from 1; 0 is 1 too) of that
 * name gets this value; an empty one takes it away; one that is not there is
 * added at the end, or ignored when the value is empty. */
int milter_header_change(struct milter_header *h, uint32_t occurrence,
			 const struct milter_value *v, struct err *e);

/* milter_header_settle - forget what is gone: the next milter counts anew. */
void milter_header_settle(struct milter_header *h);

/* milter_header_write - the fields above our Received field, or those below
 * it, into *out. 0 or -1. */
int milter_header_write(const struct milter_header *h, bool above,
			struct buf *out);

#endif
