#ifndef PP_SHELL_MIME_PRIVATE_H
#define PP_SHELL_MIME_PRIVATE_H

/*
 * Shared by the files of the MIME module; the only door to GMime.
 *   mime.c          start, parse, header fields, save
 *   mime_tree.c     a message as the list of its parts
 *   mime_param.c    Content-Type and its parameters
 *   mime_decode.c   base64, quoted-printable
 *   mime_decode_uu.c  uuencode
 *   mime_words.c    encoded words in header fields
 *   mime_charset.c  charsets
 *   mime_part.c     names, sizes and content of parts
 *   mime_leaf.c     a text part as lines
 *   mime_text.c     format=flowed, what a person reads
 *   mime_html.c     HTML to text
 *   mime_tag.c      its tags
 *   mime_w3m.c      the same through w3m
 *   mime_address.c  address lists as typed: strict
 *   mime_mailbox.c  address lists as received: lenient
 *   mime_value.c    header fields as received: lenient; one line of `list`
 *   mime_build.c    a message from a draft
 *   mime_body.c     its text
 *   mime_file.c     a file as an attachment
 *   mime_reply.c    the answer to a message
 */
#include <gmime/gmime.h>

#include "shell/mime.h"

/* Of a message or a part; both borrowed from the message. */
struct mime_entity {
	struct span header, body;
	bool cut; /* fields behind MIME_HEADER_MAX are left out of header */
};

enum mime_encoding {
	MIME_IDENTITY, /* 7bit, 8bit, binary, and what nobody knows */
	MIME_QUOTED_PRINTABLE,
	MIME_BASE64,
	MIME_UUENCODE,
};

enum { MIME_CHARSET_SIZE = 64 };

struct mime_leaf {
	struct span header, body; /* borrowed from the message */
	enum mime_encoding encoding;
	char charset[MIME_CHARSET_SIZE]; /* as named; "" */
	bool flowed, delsp;              /* RFC 3676 */
	bool hidden;                     /* an alternative that is not shown */
	bool hidden_html;                /* ... nor where HTML is preferred */
	enum { MIME_NOT_LOOKED, MIME_BLANK, MIME_NOT_BLANK } look;
	struct mime_part part;
};

struct mime {
	struct buf bytes;         /* our copy */
	struct span header, body; /* in it */
	struct mime_leaf *leaves;
	unsigned n_leaves;
	unsigned over; /* of enum mime_over */
};

/* mime_tree_entity - header and body of `whole`; a line that is no field begins
 * the body, unless more of the header follows.  top: a message, no part. */
struct mime_entity mime_tree_entity(struct span whole, bool top);

/* mime_tree_read - list the leaves of *m: 0, or -1: TEMP. */
int mime_tree_read(struct mime *m, struct mime_entity top, struct err *e);

/* mime_param_type - the type in an unfolded Content-Type, lower case, and what
 * follows it.  False when it is none (RFC 2045 5.2): type as before, *params
 * all the same. */
bool mime_param_type(struct span field, char type[MIME_TYPE_SIZE],
		     struct span *params);

/* mime_param - parameter `name` of what follows a type, as UTF-8 (not clean),
 * appended to *out.  1 found, 0 not there or blank, -1 error of buf. */
int mime_param(struct span params, const char *name, struct buf *out);

/* mime_decode_name - what a Content-Transfer-Encoding means. */
enum mime_encoding mime_decode_name(struct span value);

/* mime_decode - the octets, appended to *out.  mime_decode_base64 - base64
 * alone, without a look at whether it is that.  0 or -1: error of buf. */
int mime_decode(enum mime_encoding encoding, struct span in, struct buf *out);
int mime_decode_base64(struct span in, struct buf *out);

/* mime_decode_uu - uuencoded text; what is none of it comes out as it is. */
int mime_decode_uu(struct span in, struct buf *out);

/* mime_decode_line - offset of the next LF at or after `from`, or s.n. */
size_t mime_decode_line(struct span s, size_t from);

/* mime_decode_hex - the two hexadecimal digits at s.p[i], or -1. */
int mime_decode_hex(struct span s, size_t i);

/* mime_decode_uu_name - the name of the file that uuencoded text is; "". */
struct span mime_decode_uu_name(struct span in);

/* mime_words_text - an unfolded value with its encoded words decoded, as UTF-8
 * (not clean).  mime_words_quoted - the same of an address list: decoded words
 * become quoted strings, so that it can be parsed.  0 or -1: error of buf. */
int mime_words_text(struct span s, struct buf *out);
int mime_words_quoted(struct span s, struct buf *out);

/* mime_charset_to_utf8 - text in `charset` ("": not named) as UTF-8 into *out;
 * a byte that means nothing there becomes U+FFFD, an unknown charset is
 * guessed.  0 or -1: error of buf. */
int mime_charset_to_utf8(struct span text, const char *charset,
			 struct buf *out);

/* mime_charset_is_blank - nothing in this UTF-8 can be seen. */
bool mime_charset_is_blank(struct span utf8);

/* mime_part_describe - fill the leaf (its type is known) from its header;
 * `params` are those of its type. */
int mime_part_describe(struct mime_leaf *leaf, struct span params,
		       struct err *e);

/* mime_leaf_bytes - decoded content, appended to *out. */
int mime_leaf_bytes(const struct mime_leaf *leaf, struct buf *out,
		    struct err *e);

/* mime_leaf_is_message - a message inside the message. */
bool mime_leaf_is_message(const struct mime_leaf *leaf);

/* mime_leaf_text - content as clean UTF-8 text with LF line ends, at most
 * `most` bytes of it: the beginning where it is longer, and *left_out is how
 * many bytes of the content are behind that. */
int mime_leaf_text(const struct mime_leaf *leaf, unsigned width, size_t most,
		   struct buf *out, uint64_t *left_out, struct err *e);

/* mime_flowed_text - RFC 3676: rejoin and wrap at `width` (0: as sent). */
int mime_flowed_text(struct span text, bool delsp, unsigned width,
		     struct buf *out);

/* mime_put_left_out - the line that says what is not shown of part `number`,
 * and how to get it. */
int mime_put_left_out(unsigned number, uint64_t bytes,
		      const struct mime_render_options *o, struct buf *out);

/* mime_part_size - "12.3 KiB". */
int mime_part_size(uint64_t bytes, struct buf *out);

/* mime_leaf_is_blank - a text with nothing to see. */
bool mime_leaf_is_blank(const struct mime_leaf *leaf);

/* mime_html_text - HTML in UTF-8 as plain text (not yet clean) into *out; words
 * in brackets say when w3m gave up, or when there is no text.
 * mime_html_strip - the same without w3m and such words. */
int mime_html_text(struct span html, unsigned width, struct buf *out,
		   struct err *e);
int mime_html_strip(struct span html, struct buf *out, struct err *e);

/* What is known of the rest of an HTML text that is read from its beginning;
 * all zero at first. */
enum { MIME_TAG_HIDING = 3 };
struct mime_tags {
	bool no_end, no_quoted_end, no_comment_end; /* none is left */
	const char *end[MIME_TAG_HIDING];           /* the next end tag */
};

/* mime_tag_begins - a tag or comment: HTML 13.2.5.6, a '<' before anything else
 * is text.  mime_tag_end - its length with the '>'; 0: it has none, and is
 * text, too.  A comment without an end is its "<!--" alone. */
bool mime_tag_begins(struct span html);
size_t mime_tag_end(struct mime_tags *t, struct span html);

/* mime_tag_attribute - of what stands behind the name in a tag; no entities are
 * decoded. */
struct span mime_tag_attribute(struct span attributes, const char *name);

/* mime_tag_hidden - how much of `rest`, behind <name ...>, is no text: that of
 * <style> and the like up to its end tag; 0 where that is missing. */
size_t mime_tag_hidden(struct mime_tags *t, struct span name, struct span rest);

/* mime_html_charset - the one that the HTML itself names; "". */
void mime_html_charset(struct span html, char charset[MIME_CHARSET_SIZE]);

/* mime_w3m_text - the same through w3m: 0 when that is installed and did it; 1
 * when it gave up or ran into its limits, -1 when it is not there, and *out as
 * before. */
int mime_w3m_text(struct span html, unsigned width, struct buf *out);

/* mime_value_text - a field's value unfolded, decoded, clean, into *out;
 * addresses of an address field are written out one by one. */
int mime_value_text(const char *name, struct span value, struct buf *out);

/* mime_mailbox_visit - each mailbox of an address list on one line, as others
 * write them (mime_mailbox.c): take() gets its name, without quotes, and its
 * address, which may be none.  0, or -1: of take, or TEMP. */
struct mime_mailbox_visitor {
	int (*take)(void *ctx, struct span name, struct span address,
		    struct err *e);
	void *ctx;
};
int mime_mailbox_visit(struct span line, const struct mime_mailbox_visitor *v,
		       struct err *e);

/* mime_mailbox_usable - the address as it can be answered, into *out: a local
 * part whose dots make it no dot-string is quoted, which means the same (RFC
 * 5321 4.1.2).  One with blanks or specials in it is no address.
 * 1; 0: nobody can, it is as it was; -1: error of buf. */
int mime_mailbox_usable(struct span address, struct buf *out);

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
