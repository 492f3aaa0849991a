#ifndef PP_SHELL_MIME_H
#define PP_SHELL_MIME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

/*
 * Messages as people see them (RFC 5322, 2045-2049, 2047, 2231, 3676): reading
 * and writing, on GMime.  The message is hostile: whatever comes out for the
 * eye is valid UTF-8 without control characters (see shell/width.h), sizes,
 * depth and number of parts are bounded.
 *
 * Thread: one only (the shell's).  mime_start before anything else.
 */
enum {
	MIME_MESSAGE_MAX = 64 * 1024 * 1024, /* bytes of one message */
	MIME_HEADER_MAX = 256 * 1024,        /* bytes of a header block read */
	MIME_PARTS_MAX = 500,                /* leaf parts listed */
	MIME_DEPTH_MAX = 50,                 /* multiparts inside each other */
	MIME_TEXT_MAX = 16 * 1024 * 1024,    /* bytes of text rendered */
	MIME_ADDRESSES_MAX = 1000,           /* in one address list */
	MIME_SUMMARY_MAX = 4096,             /* bytes of a field of a summary */
	MIME_SUMMARY_LIST_MAX = 32768,       /* the same of To and Cc */
	MIME_NAME_SIZE = 128,                /* a part's file name */
	MIME_TYPE_SIZE = 128,                /* "application/pdf" */
	MIME_ID_SIZE = 128,                  /* a Message-ID that we make */
};

void mime_start(void);
void mime_stop(void); /* for leak checkers, at the very end */

/* ---- one line of `list`, from the header block alone ----------------------
 */
struct mime_summary {
	const char *from;       /* "Bob <bob@xyz.com>, ..."; "" when missing */
	const char *from_name;  /* first author's name, else the address */
	const char *to, *cc;    /* as from */
	const char *subject;    /* "" when missing */
	const char *message_id; /* with <>; "" when missing */
	const char *references; /* ids with <>, blanks between; may be "" */
	bool has_date;
	int64_t date_s;   /* seconds since 1970 */
	int zone_minutes; /* the writer's offset */
	/* when it arrived, by the topmost Received: that of the reader's own
	 * server; 0: not known */
	int64_t received_s;
	/* A guess, since the parts are not seen: the type is multipart/mixed or
	 * something that is not text.  mime_has_attachment knows. */
	bool has_attachment;
};

/* mime_summarise - decode `header` (CRLF or LF; what TOP n 0 gives).  Strings
 * live in *a, a field over its bound is cut and ends in U+2026: some hundred
 * hostile messages must not keep the others out of the list.  0, or -1: TEMP
 * (memory, arena budget) or LIMIT. */
int mime_summarise(struct span header, struct arena *a, struct mime_summary *s,
		   struct err *e);

/* ---- a whole message -------------------------------------------------------
 */
struct mime;

/* mime_parse - `bytes` (CRLF or LF) is copied.  0, or -1: LIMIT (the size of
 * all) or TEMP.  What is not MIME is plain text.  What is over another bound is
 * not taken apart: fields behind the bound are passed over, and what lies too
 * deep, or behind so many parts, is one part, as it came. */
int mime_parse(struct mime **m, struct span bytes, struct err *e);

/* mime_over - which bounds the message is over, in the order of mime_over_text,
 * which says it in words ("header of over ..."). */
enum mime_over {
	MIME_OVER_HEADER = 1,
	MIME_OVER_PARTS = 2,
	MIME_OVER_DEPTH = 4,
};
unsigned mime_over(const struct mime *m);
const char *mime_over_text(enum mime_over one);
void mime_free(struct mime **m);

/* mime_header - the index'th (0..) field of this name, decoded and clean,
 * appended to *out.  1 found, 0 not there, -1 error of buf. */
int mime_header(const struct mime *m, const char *name, unsigned index,
		struct buf *out);

enum mime_headers {
	MIME_HEADERS_NONE,
	MIME_HEADERS_MINIMAL, /* From To */
	MIME_HEADERS_SHORT,   /* From To Cc Subject Date, those present */
	MIME_HEADERS_ALL,     /* every field, in the message's order */
};
struct mime_render_options {
	enum mime_headers headers;
	bool prefer_html;    /* the HTML alternative, when there is one */
	unsigned width;      /* wrap flowed text and HTML; 0: as sent / 80 */
	bool no_attachments; /* leave out the "[2] plan.pdf ..." lines */
	bool bold_names;     /* field names in bold (a terminal) */
	bool all_text;       /* LIMIT where a text is too long to show */
	bool never_empty;    /* a word where there is nothing to see */
	/* what `save` is to be given for the whole of a text that is too long:
	 * the message, and the part in it that this message is; 0: none */
	unsigned message, inside;
};

/*
 * mime_render - header fields, an empty line, the text, then a line for each
 * attachment, all lines ended by LF, appended to *out (out->max bounds it:
 * LIMIT).  Of texts of over MIME_TEXT_MAX in all the beginning is shown.  A
 * line in brackets says what is not shown for a bound.  HTML goes through w3m
 * without network where it is installed.
 */
int mime_render(const struct mime *m, const struct mime_render_options *o,
		struct buf *out, struct err *e);

/* ---- parts -----------------------------------------------------------------
 */
struct mime_part {
	unsigned number;           /* 1.., the same in every listing */
	char type[MIME_TYPE_SIZE]; /* "text/plain", lower case, clean */
	char name[MIME_NAME_SIZE]; /* safe as a file name: no '/', no leading
				      dot, no control; "" when not given */
	uint64_t size;             /* decoded bytes */
	bool is_attachment;        /* to be saved rather than shown */
	bool as_it_came;           /* over a bound: other parts are in it */
};
unsigned mime_part_count(const struct mime *m);
const struct mime_part *mime_part_at(const struct mime *m, unsigned index);
bool mime_has_attachment(const struct mime *m);

/* mime_part_line - "[2] plan.pdf application/pdf 12.3 KiB", no line end. */
int mime_part_line(const struct mime_part *p, struct buf *out);

/* mime_part_file_name - p->name, or "part-N.ext" made from its type. */
void mime_part_file_name(const struct mime_part *p, char buf[MIME_NAME_SIZE]);

/* mime_part_save - decoded content of part `number` written to fd (not
 * synced, not closed).  PERM: no such part; TEMP: write failed (e->sys). */
int mime_part_save(const struct mime *m, unsigned number, int fd,
		   uint64_t *bytes, struct err *e);

/* mime_part_text - part `number` as clean UTF-8 text (HTML rendered); bounds as
 * in mime_render.  PERM: no such part. */
int mime_part_text(const struct mime *m, unsigned number,
		   const struct mime_render_options *o, struct buf *out,
		   struct err *e);

/* ---- addresses -------------------------------------------------------------
 */
struct mime_address {
	const char *name;    /* display name, decoded; "" when none */
	const char *address; /* local@domain, valid (mail/address.h) */
	bool unusable;       /* received: it is no address, nobody can answer */
};

/*
 * mime_addresses - "Bob <bob@x>, carol@y, team: a@z, b@z;" (RFC 5322 3.4,
 * groups flattened) into an array in *a.  Strict, since it is for writing:
 * anything left over, a local part without domain, a second '@' ... is PERM
 * with the reason and the offending text.  Empty text is a list of 0.
 */
int mime_addresses(struct span text, struct arena *a,
		   struct mime_address **list, unsigned *n, struct err *e);

/* mime_address_text - "Bob Builder <bob@x>", name quoted where needed, UTF-8;
 * fit to be typed again. */
int mime_address_text(const struct mime_address *x, struct buf *out);

/* mime_address_author - the name where one word must do; the address where the
 * name looks like one: "bob@xyz.com" <eve@b.example> is eve. */
const char *mime_address_author(const struct mime_address *x);

/* mime_message_addresses - the addresses of all fields of this name in a
 * received message; lenient: what is no address is there too, and marked. */
int mime_message_addresses(const struct mime *m, const char *name,
			   struct arena *a, struct mime_address **list,
			   unsigned *n, struct err *e);

/* ---- writing ---------------------------------------------------------------
 */
struct mime_field {
	const char *name, *value;
};

struct mime_draft {
	/* UTF-8 as typed; NULL or "" when not wanted.  Bcc is no field: it
	 * goes into the envelope only. */
	const char *from, *to, *cc, *reply_to, *subject;
	const char *message_id;               /* with <> */
	const char *in_reply_to, *references; /* with <> */
	bool has_date;
	int64_t date_s;
	const struct mime_field *fields; /* more fields */
	unsigned n_fields;
	struct span body; /* UTF-8, any line ends */
	const char *const *attachments;
	unsigned n_attachments; /* paths of files */
	bool server_8bit;       /* 8BITMIME is offered */
	bool server_utf8;       /* SMTPUTF8 is offered */
};

struct mime_built {
	bool eight_bit; /* needs BODY=8BITMIME */
	bool utf8;      /* needs SMTPUTF8: an address is not ASCII */
};

/*
 * mime_build - the message as CRLF lines, appended to *out (bounded by
 * out->max).  Fields in the order From, To, Cc, Reply-To, Subject, Date,
 * Message-ID, In-Reply-To, References, others, MIME.  Plain ASCII text without
 * attachments gets no MIME fields, so that From, To, an empty line and the body
 * are all of a message without subject, date and id.
 * -1: PERM (an address or field is not valid, a line end inside a value, the
 * body is not UTF-8), LIMIT, TEMP (a file cannot be read: the text names it).
 */
int mime_build(const struct mime_draft *d, struct buf *out,
	       struct mime_built *built, struct err *e);

/* mime_is_control - has no place in a field's value: all but the tab.
 * mime_check_value - PERM when one of these is in `value`. */
static inline bool
mime_is_control(char c)
{
	return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f;
}
int mime_check_value(const char *name, struct span value, struct err *e);

/* mime_new_id - "<...@domain>", unique. */
void mime_new_id(const char *domain, char buf[MIME_ID_SIZE]);

struct mime_reply_options {
	const char *me; /* own address: not a recipient of the reply */
	bool to_all;    /* everybody in To and Cc too */
	bool quote;     /* body starts with the text, "> " in front */
};
struct mime_reply {
	const char *to, *cc, *subject, *in_reply_to, *references;
	/* "" or those who stand there and cannot be answered */
	const char *left_out;
	const char *body; /* "" or "On <date>, Bob wrote:\n> ...\n" */
};

/* mime_make_reply - fields of the answer to *m, in *a (RFC 5322 3.6.3, 3.6.4).
 * PERM when the message says nobody to answer to. */
int mime_make_reply(const struct mime *m, const struct mime_reply_options *o,
		    struct arena *a, struct mime_reply *r, struct err *e);

#endif
