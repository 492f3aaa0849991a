#ifndef PP_SHELL_MIME_PRIVATE_H
#define PP_SHELL_MIME_PRIVATE_H

/*
 * Shared by the files of the MIME module; the only door to GMime.
 *   mime.c          start, parse, the list of parts, header fields, save
 *   mime_part.c     names and sizes of parts
 *   mime_text.c     charsets, format=flowed, what a person reads
 *   mime_html.c     HTML to text
 *   mime_w3m.c      the same through w3m
 *   mime_address.c  address lists as typed: strict
 *   mime_value.c    header fields as received: lenient; one line of `list`
 *   mime_build.c    a message from a draft
 *   mime_body.c     its text
 *   mime_file.c     a file as an attachment
 *   mime_reply.c    the answer to a message
 */
#include <gmime/gmime.h>

#include "shell/mime.h"

struct mime_leaf {
	GMimeObject *object; /* borrowed from the message */
	bool hidden;         /* the alternative that is not shown */
	struct mime_part part;
};

struct mime {
	struct buf bytes;   /* our copy; GMime reads from it */
	struct span header; /* its header block */
	GMimeMessage *message;
	struct mime_leaf *leaves;
	unsigned n_leaves;
	bool has_html_choice; /* an alternative was offered as HTML too */
};

/* mime_count_colons - GMime's address parser goes one call deeper at each ':'
 * of a field, so none with more than MIME_COLONS_MAX is given to it. */
enum { MIME_COLONS_MAX = 500 };
unsigned mime_count_colons(struct span text);

/* mime_part_describe - fill `part` (all but number) from the object. */
int mime_part_describe(GMimeObject *object, struct mime_part *part,
		       struct err *e);

/* mime_leaf_bytes - decoded content, appended to *out. */
int mime_leaf_bytes(GMimeObject *object, struct buf *out, struct err *e);

/* mime_leaf_text - content as clean UTF-8 text with LF line ends. */
int mime_leaf_text(GMimeObject *object, unsigned width, struct buf *out,
		   struct err *e);

/* mime_type_is - the object's type is this one ("*": any subtype). */
bool mime_type_is(GMimeObject *object, const char *type, const char *subtype);

/* mime_to_utf8 - text in `charset` (may be NULL) as UTF-8 into *out; a byte
 * that means nothing there becomes U+FFFD, an unknown charset is guessed. */
int mime_to_utf8(struct span text, const char *charset, struct buf *out);

/* mime_html_text - HTML in UTF-8 as plain text (not yet clean) into *out. */
int mime_html_text(struct span html, unsigned width, struct buf *out,
		   struct err *e);

/* mime_w3m_text - the same through w3m: 0 when that is installed and did it,
 * -1 and *out as before otherwise. */
int mime_w3m_text(struct span html, unsigned width, struct buf *out);

/* mime_flowed_text - RFC 3676: rejoin and wrap at `width` (0: as sent). */
int mime_flowed_text(struct span text, bool delsp, unsigned width,
		     struct buf *out);

/* mime_value_text - a field's value unfolded, decoded, clean, into *out;
 * addresses of an address field are written out one by one. */
int mime_value_text(const char *name, struct span value, struct buf *out);

/* mime_value_addresses - the addresses in a received value (lenient). */
int mime_value_addresses(struct span value, struct arena *a,
			 struct mime_address **list, unsigned *n,
			 struct err *e);

/* Text to be sent: LF lines. */
struct mime_text {
	struct buf lines;
	size_t longest;   /* bytes of the longest line */
	size_t eight_bit; /* bytes over 126 */
};

/* mime_take_text - `body` as typed into *t (lines initialised).  PERM when it
 * is not text. */
int mime_take_text(struct span body, struct mime_text *t, struct err *e);

/* mime_text_part - a text/plain part, encoded as it needs. */
GMimeObject *mime_text_part(const struct mime_text *t);

/* mime_file_part - the file as an attachment; NULL with *e.  At most *left
 * bytes, which are taken from it. */
GMimeObject *mime_file_part(const char *path, uint64_t *left, struct err *e);

/* mime_buf_str - the buf as a C string in *a; NULL when out of memory. */
const char *mime_buf_str(const struct buf *b, struct arena *a);

#endif
