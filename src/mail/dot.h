#ifndef PP_MAIL_DOT_H
#define PP_MAIL_DOT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/span.h"

/*
 * Transparency (RFC 5321 4.5.2; the same in RFC 1939 3).  End of data is
 * CRLF.CRLF and nothing else; a bare CR, a bare LF or a NUL is an error, never
 * a line end (SMTP smuggling).  Pure, incremental: bytes may come in pieces of
 * any size.
 */
enum dot_result {
	DOT_MORE, /* all input used, not ended yet */
	DOT_END,  /* the end was found; *used tells how much belonged to it */
	DOT_BARE_CR,
	DOT_BARE_LF,
	DOT_NUL,
	DOT_FULL, /* out has no room: take its content and call again; when it
		     is empty and nothing was used, memory has run out */
};

struct dot_decoder {
	int state;    /* private; zero is the start of a message */
	bool lenient; /* client side: a bare LF or CR or NUL is kept as content
		       */
	bool no_dots; /* BDAT (RFC 3030 2): its length ends the text, a dot is a
			 byte like others, and DOT_END is not found in it */
};

/*
 * dot_decode - decode from `in` into *out (appended, CRLF kept).  *used: bytes
 * of `in` consumed.
 */
enum dot_result dot_decode(struct dot_decoder *d, struct span in, size_t *used,
			   struct buf *out);

/*
 * dot_decode_last - with no_dots: the text is over.  A last line without CRLF
 * gets it; a CR at the very end is DOT_BARE_CR, else DOT_END, or DOT_FULL as
 * above.
 */
enum dot_result dot_decode_last(struct dot_decoder *d, struct buf *out);

/*
 * struct dot_encoder - the sending side: doubles a dot at the start of a line,
 * turns LF into CRLF (a file may hold either), never emits a bare CR or LF
 * (a CR that is not before LF is sent as CRLF), and dot_encode_end closes an
 * unfinished last line and adds ".CRLF".  Zero is the start.
 */
struct dot_encoder {
	int state;
	bool no_dots; /* BDAT: nothing is doubled, and the end is no line */
};
int dot_encode(struct dot_encoder *d, struct span in, struct buf *out);
int dot_encode_end(struct dot_encoder *d, struct buf *out);

#endif
