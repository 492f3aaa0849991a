#ifndef PP_MAIL_HEADER_H
#define PP_MAIL_HEADER_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

/*
 * The header block of a message (RFC 5322 2.2, 3.6): fields separated by CRLF
 * (or LF, in files), continued by lines that begin with a blank, ended by an
 * empty line or the end of the text.  Pure, iterative, any thread.
 */
enum {
	HEADER_LINE_MAX = 998,         /* RFC 5322 2.1.1 */
	HEADER_BLOCK_MAX = 256 * 1024, /* bytes of one header block */
	HEADER_FIELDS_MAX = 2000,      /* fields in one block */
};

struct header_field {
	struct span whole; /* every line of it, line ends included */
	struct span name;  /* "Subject"; empty when the line is not a field */
	/* after ':', folds included, outer blanks trimmed; of a line that is no
	 * field all of it */
	struct span value;
};

/* header_next - take the next field off *rest; false at the end of the block
 * (*rest is then the body, after the empty line). A line without a valid
 * field name is returned with an empty name, so that nothing is lost. */
bool header_next(struct span *rest, struct header_field *f);

/* header_block_end - offset just past the empty line that ends the block, or
 * -1 when `text` does not hold it yet. */
long header_block_end(struct span text);

/*
 * struct header_end - the same for a header that comes in pieces of any size:
 * every byte is looked at once.  Zero is the start of a message.
 * header_end_feed - how many of the next bytes are header, the empty line that
 * ends it included; once that was among them `over` is true, and none are.
 */
struct header_end {
	bool over;
	bool in_line, in_cr; /* private */
};
size_t header_end_feed(struct header_end *h, struct span bytes);

/* header_find - first field with this name (ASCII case-insensitive). */
bool header_find(struct span block, const char *name, struct header_field *f);

/* header_count - how many fields have this name (Received: loop limit). */
unsigned header_count(struct span block, const char *name);

/* header_unfold - value on one line, folds become one space, into *out. */
int header_unfold(struct span value, struct buf *out);

#endif
