#ifndef PP_TESTS_WIRE_WIRE_H
#define PP_TESTS_WIRE_WIRE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "net/listener.h"

/*
 * Transcripts: a file is a conversation with a protocol engine over a socket
 * pair, and one TAP test point.  Line by line:
 *
 *   # text             comment
 *   set KEY VALUE      an option of the service (before the first other line)
 *   > TEXT             send TEXT and CRLF
 *   >> TEXT            send TEXT as it is
 *   < PATTERN          the next line must match; '*' stands for any text
 *   expect CODE WORD.. the next reply (all its lines) begins with these words
 *   expect CODE has A, B   and one of its lines begins with A, another with B
 *   expect close       the server closes, and has said nothing more
 *   tls                the client's side of a TLS handshake; all that follows
 *                      goes through it
 *   tls fails          the same, and it must not succeed
 *   drop               the client closes without a word
 *   drain, kill        raise the listener's two wake-ups
 *   WORD: TEXT         a claim about what the service saw, checked by the
 *                      protocol's own `check` after the end of the session
 *
 * TEXT knows \r \n \t \\ \xNN and \{N:text}, which is text N times.
 */
enum { WIRE_WAIT_MS = 10000, WIRE_WHY_SIZE = 400 };

struct wire_protocol {
	/* last_line - is this the last line of its reply? */
	bool (*last_line)(struct span line);
	/* open - a new service; closed after each transcript. */
	void *(*open)(void);
	void (*close)(void *service);
	/* set - 0, or -1 for an unknown option or value. */
	int (*set)(void *service, struct span key, struct span value);
	/* client - may change what the listener would have filled in. */
	void (*client)(void *service, struct listener_client *c);
	void (*serve)(void *service, const struct listener_client *c);
	/* check - 0, or -1 with *e. `value` is unescaped. */
	int (*check)(void *service, struct span key, struct span value,
		     struct err *e);
	/* final - what must hold after every transcript. 0 or -1. */
	int (*final)(void *service, struct err *e);
};

/* wire_main - play argv[1..], or every *.t of `dir` (below $top_srcdir). */
int wire_main(const struct wire_protocol *p, const char *dir, int argc,
	      char **argv);

/* wire_unescape - TEXT as above into *out (cleared first). 0 or -1. */
int wire_unescape(struct span text, struct buf *out);

/* wire_match - glob with '*' only. */
bool wire_match(struct span pattern, struct span text);

/* wire_next_is - does the next line of `events`, from *at on, match?  *at goes
 * past it; "none" is the end. */
int wire_next_is(struct span events, size_t *at, struct span want,
		 struct err *e);

/* ---- a session over a socket pair, for other tests too --------------------
 */
struct wire_session {
	int fd;             /* the client's end; -1 once closed */
	struct stream *tls; /* the same, once TLS is on; it owns fd */
	struct buf in;      /* read, not yet given out */
	struct buf line;    /* what wire_line gave last */
	struct wake drain, kill;
	struct listener_client client;
	pthread_t thread;
	void (*serve)(void *service, const struct listener_client *c);
	void *service;
};
int wire_open(struct wire_session *w, void *service,
	      void (*serve)(void *service, const struct listener_client *c),
	      void (*client)(void *service, struct listener_client *c));
int wire_send(struct wire_session *w, struct span bytes);
/* wire_line - next line without its CRLF into *line (lives until the next
 * call); -1 at the end, after a time-out, or for a line not ended by CRLF. */
int wire_line(struct wire_session *w, struct span *line, struct err *e);
/* wire_tls - the client's side of a handshake: 0 or -1. */
int wire_tls(struct wire_session *w, struct err *e);
/* wire_make_remote - the client comes from another machine. */
void wire_make_remote(struct listener_client *c);
void wire_hang_up(struct wire_session *w);
void wire_join(struct wire_session *w); /* hangs up, waits for the thread */

#endif
