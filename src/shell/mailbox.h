#ifndef PP_SHELL_MAILBOX_H
#define PP_SHELL_MAILBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "pop3/pop3_client.h"
#include "shell/mime.h"

/*
 * The messages of the account as this session numbers them.  A number, once
 * given, never means another message: new mail gets the next one, and a message
 * that went away leaves its number empty.  POP3 numbers change with every
 * connection; the unique-id (RFC 1939 7) ties the two together.
 */
enum { MAILBOX_MAX = 100000 };

struct message {
	uint32_t server; /* number in the POP3 session; 0 = not there now */
	uint64_t bytes;
	char uidl[POP3_UIDL_SIZE];
	bool gone;       /* deleted for good, here or elsewhere */
	bool deleted;    /* will be, at logout */
	bool seen;       /* read in this session */
	bool fresh;      /* came after the last `list` */
	bool summarised; /* s is filled */
	struct mime_summary s;
};

struct mailbox {
	struct message *v; /* number n is v[n - 1] */
	uint32_t n;
	bool loaded;      /* v was filled at least once */
	uint32_t current; /* "."; 0 = none */
	uint32_t *last;   /* the last set, ascending */
	uint32_t n_last;
	struct arena text;   /* strings of the summaries */
	struct buf raw;      /* the message fetched last */
	uint32_t raw_number; /* its number; 0 = none */
};

struct shell;
struct set;

void mailbox_init(struct mailbox *b);
void mailbox_clear(struct mailbox *b); /* forget everything */

/* mailbox_at - message n when it exists and is not gone, else NULL. */
struct message *mailbox_at(struct mailbox *b, uint32_t n);

/* mailbox_count - the messages that are not gone. */
struct mailbox_count {
	uint32_t all, unread, marked; /* marked: for deletion */
};
struct mailbox_count mailbox_count(const struct mailbox *b);

/* mailbox_last_text - the last set as one word, "1:3,7", to be used again. */
int mailbox_last_text(const struct mailbox *b, struct buf *out);

/* The rest talks to the server and returns a status (see shell/status.h). */

/* mailbox_load - be sure the list is there; `refresh`: look for new mail, on a
 * new connection, since a POP3 session never shows any. */
int mailbox_load(struct shell *sh, bool refresh);

/* mailbox_summarise - fill s of these messages, pipelined. */
int mailbox_summarise(struct shell *sh, const uint32_t *numbers, uint32_t n);

/* mailbox_fetch - message n into box.raw (kept until another is asked for). */
int mailbox_fetch(struct shell *sh, uint32_t n);

/* mailbox_goes_on - a failure (status rc) was one message's: the connection
 * stands, and others can be asked for. */
bool mailbox_goes_on(const struct shell *sh, int rc);

/* mailbox_select - numbers that match, ascending, malloc'ed; may be none.  A
 * message that cannot be looked into is left out, and a note says so. */
int mailbox_select(struct shell *sh, const struct set *s, uint32_t **numbers,
		   uint32_t *n);

/* mailbox_remember - make these the last set (takes the array over). */
void mailbox_remember(struct mailbox *b, uint32_t *numbers, uint32_t n);

/* mailbox_commit - delete on the server what is marked, and QUIT. */
int mailbox_commit(struct shell *sh);

#endif
