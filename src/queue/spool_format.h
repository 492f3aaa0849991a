#ifndef PP_QUEUE_SPOOL_FORMAT_H
#define PP_QUEUE_SPOOL_FORMAT_H

#include "queue/spool.h"

/*
 * The text of a spool file (doc/formats.md), apart from the file: pure, any
 * thread.  Everything read is hostile: bounded, checked, never cast.
 *
 *   postpair-spool 1 EEEEEEEE MMMMMMMMMMMM CCCCCCCC XXXXXXXX\n
 *   id ...\n arrival ...\n from ...\n body ...\n smtputf8 ...\n
 *   [ret ...\n] [envid ...\n] [login ...\n] [release ...\n] [tls ...\n]
 *   [delivery ...\n] [handed ...\n] [party ...\n]
 *   to ...\n [notify ...\n] [orcpt ...\n] to ...\n
 *   \n
 *   the message, M bytes
 *   XXXXXXXX result 0 delivered 1795412345 250 2.0.0 ok\n
 *   XXXXXXXX hold 1795412345\n ...
 */
enum {
	SPOOL_FIRST_SIZE = 57, /* bytes of the first line, its LF included */
	SPOOL_RECORD_MAX = SPOOL_REPLY_MAX + 120,
};

/* spool_format_envelope - the envelope lines and the empty line. */
int spool_format_envelope(const struct spool_envelope *env, bool eight_bit,
			  struct buf *out);

/* spool_format_first - the first line, for an envelope and a message. */
void spool_format_first(char line[SPOOL_FIRST_SIZE + 1], struct span envelope,
			int64_t message_bytes, uint32_t message_crc);

/* spool_parse_envelope - make the message; its place and checksum in the file
 * are the caller's to fill in.  -1 (PERM) with the reason. */
int spool_parse_envelope(struct span text, struct spool_msg **m, struct err *e);

/* spool_take_line - take the next line off *text; false without an LF. */
bool spool_take_line(struct span *text, struct span *line);

/* What the first line says. */
struct spool_first {
	uint32_t envelope_bytes;
	int64_t message_bytes;
	uint32_t message_crc, head_crc;
};
int spool_parse_first(struct span line, struct spool_first *f, struct err *e);

/* spool_parse_head - check `line` and `envelope` against the checksum and make
 * the message.  -1 (PERM) with the reason. */
int spool_parse_head(struct span line, struct span envelope,
		     struct spool_msg **m, struct err *e);

/* spool_msg_new - from an envelope. */
int spool_msg_new(struct spool_msg **m, const struct spool_envelope *env,
		  struct err *e);

/* spool_msg_note - remember a reply of a recipient (cut to its bound). */
void spool_msg_note(struct spool_rcpt *to, struct span reply, int64_t wall_s);

int spool_format_record(const struct spool_result *r, struct buf *out);
int spool_format_hold(bool hold, int64_t wall_s, struct buf *out);

/* spool_parse_record - take one whole record off *text and apply it to m.
 * 1 taken, 0 nothing left, -1 what stands there is not a whole record. */
int spool_parse_record(struct span *text, struct spool_msg *m);

#endif
