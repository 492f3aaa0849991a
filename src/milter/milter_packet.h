#ifndef PP_MILTER_MILTER_PACKET_H
#define PP_MILTER_MILTER_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "mail/status.h"

/*
 * The packets of the milter protocol, versions 2 to 6: an unsigned 32-bit
 * length in network order, a command byte, and as many bytes of data as the
 * length says, less one.  Text in them ends in NUL.  What Sendmail's libmilter
 * and its documentation call SMFIC_, SMFIR_, SMFIF_, SMFIP_ and SMFIM_ are the
 * numbers below.  Pure: bytes to bytes, no I/O; what a milter sends is hostile.
 * Thread: any.
 */
enum {
	MILTER_VERSION = 6,
	MILTER_VERSION_LEAST = 2,
	MILTER_HEAD_BYTES = 4,
	MILTER_DATA_MAX = 65535,       /* of what we send in one packet */
	MILTER_REPLY_MAX = 256 * 1024, /* of what we read in one */
	MILTER_SYMBOLS_MAX = 1024,     /* bytes of a list of macros */
};

/* What we say. */
enum milter_command {
	MILTER_ABORT = 'A',
	MILTER_BODY = 'B',
	MILTER_CONNECT = 'C',
	MILTER_MACRO = 'D',
	MILTER_EOM = 'E',
	MILTER_HELO = 'H',
	MILTER_QUIT_NC = 'K', /* end of this client, another may follow */
	MILTER_HEADER = 'L',
	MILTER_MAIL = 'M',
	MILTER_EOH = 'N',
	MILTER_OPTNEG = 'O', /* and its answer */
	MILTER_QUIT = 'Q',
	MILTER_RCPT = 'R',
	MILTER_DATA = 'T',
	MILTER_UNKNOWN = 'U',
};

/* What a milter says. */
enum milter_answer {
	MILTER_ADDRCPT = '+',
	MILTER_DELRCPT = '-',
	MILTER_ADDRCPT_PAR = '2',
	MILTER_SHUTDOWN = '4',
	MILTER_ACCEPT = 'a',
	MILTER_REPLBODY = 'b',
	MILTER_CONTINUE = 'c',
	MILTER_DISCARD = 'd',
	MILTER_CHGFROM = 'e',
	MILTER_CONN_FAIL = 'f',
	MILTER_ADDHEADER = 'h',
	MILTER_INSHEADER = 'i',
	MILTER_CHGHEADER = 'm',
	MILTER_PROGRESS = 'p',
	MILTER_QUARANTINE = 'q',
	MILTER_REJECT = 'r',
	MILTER_SKIP = 's',
	MILTER_TEMPFAIL = 't',
	MILTER_REPLYCODE = 'y',
};

/* What a milter may do to a message. */
enum milter_action {
	MILTER_MAY_ADDHDRS = 0x01,
	MILTER_MAY_CHGBODY = 0x02,
	MILTER_MAY_ADDRCPT = 0x04,
	MILTER_MAY_DELRCPT = 0x08,
	MILTER_MAY_CHGHDRS = 0x10,
	MILTER_MAY_QUARANTINE = 0x20,
	MILTER_MAY_CHGFROM = 0x40,
	MILTER_MAY_ADDRCPT_PAR = 0x80,
	MILTER_MAY_SETSYMLIST = 0x100,
	MILTER_ACTIONS_V2 = 0x3f,
	MILTER_ACTIONS = 0x1ff,
};

/* What a milter does not want to hear, or not to answer. */
enum milter_step {
	MILTER_NO_CONNECT = 0x01,
	MILTER_NO_HELO = 0x02,
	MILTER_NO_MAIL = 0x04,
	MILTER_NO_RCPT = 0x08,
	MILTER_NO_BODY = 0x10,
	MILTER_NO_HEADER = 0x20,
	MILTER_NO_EOH = 0x40,
	MILTER_NR_HEADER = 0x80,
	MILTER_NO_UNKNOWN = 0x100,
	MILTER_NO_DATA = 0x200,
	MILTER_CAN_SKIP = 0x400,
	MILTER_NR_CONNECT = 0x1000,
	MILTER_NR_HELO = 0x2000,
	MILTER_NR_MAIL = 0x4000,
	MILTER_NR_RCPT = 0x8000,
	MILTER_NR_DATA = 0x10000,
	MILTER_NR_UNKNOWN = 0x20000,
	MILTER_NR_EOH = 0x40000,
	MILTER_NR_BODY = 0x80000,
	MILTER_LEADING_SPACE = 0x100000,
	MILTER_STEPS_V2 = 0x7f,
	MILTER_STEPS = 0x1ff7ff, /* all of these */
};

/* The stages that have a list of macros. */
enum milter_stage {
	MILTER_AT_CONNECT,
	MILTER_AT_HELO,
	MILTER_AT_MAIL,
	MILTER_AT_RCPT,
	MILTER_AT_DATA,
	MILTER_AT_EOM,
	MILTER_AT_EOH,
	MILTER_STAGES,
};

/* ---- what we send: appended to *out; 0, or -1 when it does not fit --------
 */

/* milter_put - a packet that holds these texts, each with its NUL. */
int milter_put(struct buf *out, enum milter_command c, const struct span *text,
	       size_t n);
/* milter_put_macros - for the command that follows: names and values in turn.
 */
int milter_put_macros(struct buf *out, enum milter_command of,
		      const struct span *text, size_t n);
int milter_put_optneg(struct buf *out, uint32_t version, uint32_t actions,
		      uint32_t steps);
/* milter_put_connect - address: "192.0.2.1", "2001:db8::1", or anything else
 * (a unix socket), which is sent as unknown. */
int milter_put_connect(struct buf *out, const char *hostname,
		       const char *address, uint16_t port);
/* milter_put_bytes - body bytes as they are (at most MILTER_DATA_MAX). */
int milter_put_bytes(struct buf *out, struct span bytes);

/* ---- what we read ---------------------------------------------------------
 */

/* milter_packet_take - the first packet of *in, without its length: 1 taken, 0
 * more bytes are needed, -1 PROTO (empty, or over MILTER_REPLY_MAX). */
int milter_packet_take(struct span *in, struct span *packet, struct err *e);

/* The answer to OPTNEG. */
struct milter_options {
	uint32_t version, actions, steps;
	/* which macros it wants, blank-separated; p is NULL: our own choice */
	struct span symbols[MILTER_STAGES];
};

/* milter_options_parse - -1 (PROTO) when it is none, or claims what was not
 * offered (MILTER_VERSION, MILTER_ACTIONS, MILTER_STEPS; fewer for versions
 * before 6).  Borrows from packet. */
int milter_options_parse(struct span packet, struct milter_options *o,
			 struct err *e);

/* Any other packet; texts borrow from it. */
struct milter_reply {
	enum milter_answer what;
	uint32_t index;          /* INSHEADER, CHGHEADER */
	struct span name, value; /* ADDHEADER, INSHEADER, CHGHEADER */
	struct span address;     /* ADDRCPT, ADDRCPT_PAR, DELRCPT, CHGFROM */
	struct span arguments;   /* ADDRCPT_PAR, CHGFROM; may be empty */
	struct span text;        /* REPLBODY: bytes; QUARANTINE: reason */
	struct smtp_reply reply; /* REPLYCODE */
};

/*
 * milter_reply_parse - -1 (PROTO) for an unknown or malformed packet: a text
 * without its NUL or with bytes behind the last, a header name that is none, a
 * REPLYCODE that is no reply of 4xx or 5xx.
 */
int milter_reply_parse(struct span packet, struct milter_reply *r,
		       struct err *e);

/* milter_answer_is_edit - does it change a message (and so ends nothing)? */
bool milter_answer_is_edit(enum milter_answer what);

#endif
