#ifndef PP_POP3_SERVER_H
#define PP_POP3_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "auth/sasl.h"
#include "base/err.h"
#include "net/listener.h"

/*
 * The POP3 server engine (RFC 1939 with TOP and UIDL; 2449 CAPA, response
 * codes, pipelining; 2595 STLS; 3206 AUTH and SYS codes; 5034 SASL; 6856 UTF8).
 * It owns the wire and the session: states, limits, marks for deletion.  The
 * messages are the mailbox's: struct pop3_mailbox_ops, so that the engine knows
 * no file format.  APOP is not offered: it needs passwords in clear text on the
 * server.
 */
struct pop3_server; /* a service: options and ops; shared by its sessions */

enum {
	POP3_SERVER_CMD_MAX = 255,            /* RFC 2449 4, CRLF included */
	POP3_SERVER_AUTH_LINE_MAX = 12288,    /* RFC 5034 4 */
	POP3_SERVER_UIDL_SIZE = 71,           /* RFC 1939 7, with a NUL */
	POP3_SERVER_HANDSHAKE_MS = 30 * 1000, /* of TLS, after STLS */
	POP3_SERVER_MESSAGES_MAX = 1000000,
	POP3_SERVER_AUTH_FAILURES_MAX = 5, /* then the connection ends */
	POP3_SERVER_ERRORS_MAX = 20,       /* likewise */
	POP3_SERVER_IDLE_MAX = 10, /* CAPA and the like before login; each
				      more is an error */
};

enum pop3_open_result {
	POP3_OPENED,
	POP3_IN_USE, /* another session has the maildrop: [IN-USE] */
	POP3_FAILED, /* *e says why: [SYS/TEMP] */
};

/*
 * What a maildrop can do.  open takes the exclusive lock and a snapshot that
 * stays the same until close; messages are numbered from 0.  Functions with *e
 * return 0 or -1.  They run on the session's thread.
 */
struct pop3_text {
	int fd; /* of a regular file, at its beginning; LF or CRLF lines */
	bool downgrade; /* it goes to the client by mail/downgrade.h */
};

struct pop3_mailbox_ops {
	/* utf8: the client said UTF8; for others an internationalized message
	 * is downgraded (RFC 6856 2.2, 6858). */
	enum pop3_open_result (*open)(void *ctx, const char *login, bool utf8,
				      void **mailbox, struct err *e);
	uint32_t (*count)(void *mailbox);
	/* octets - size on the wire as this client gets it, CRLF line ends,
	 * dots not doubled.  What read has opened is counted exactly from then
	 * on. */
	uint64_t (*octets)(void *mailbox, uint32_t i);
	void (*uidl)(void *mailbox, uint32_t i,
		     char buf[POP3_SERVER_UIDL_SIZE]);
	/* read - the message; the engine closes text->fd.  -1 with *e. */
	int (*read)(void *mailbox, uint32_t i, struct pop3_text *text,
		    struct err *e);
	int (*remove)(void *mailbox, uint32_t i, struct err *e);
	int (*seen)(void *mailbox, uint32_t i, struct err *e);
	/* sync - what remove and seen put off is done, and what they did
	 * survives a power loss. */
	int (*sync)(void *mailbox, struct err *e);
	void (*close)(void *mailbox); /* gives the lock back */
};

struct pop3_server_options {
	const char *hostname; /* in the greeting */
	const char *service;  /* for logs: "pop3" */
	struct sasl *sasl;
	struct tls_server *tls;  /* NULL, or without a certificate: STLS is not
				    offered */
	bool tls_required;       /* nobody logs in without TLS */
	bool auth_in_clear_text; /* log in without TLS from everywhere; else
				    only from loopback */
	int64_t idle_timeout_ms; /* RFC 1939 3: at least ten minutes; also the
				    time a client has to log in */
	int64_t session_timeout_ms;
};

/* pop3_server_new - options and ops are copied, what they point to lives on. */
int pop3_server_new(struct pop3_server **s, const struct pop3_server_options *o,
		    const struct pop3_mailbox_ops *ops, void *ctx,
		    struct err *e);
void pop3_server_free(struct pop3_server **s);

/*
 * pop3_server_session - a whole session, from greeting to close; struct
 * listener_options.serve calls it (ctx is the struct pop3_server *).
 * A session that does not end in QUIT deletes nothing (RFC 1939 6).
 */
void pop3_server_session(void *pop3_server, const struct listener_client *c);

#endif
