#ifndef PP_POP3_SERVER_PRIVATE_H
#define PP_POP3_SERVER_PRIVATE_H

/* Shared by the pop3_server*.c files only. */

#include "base/buf.h"
#include "base/span.h"
#include "net/stream.h"
#include "pop3/pop3_server.h"

struct pop3_server {
	struct pop3_server_options o;
	struct pop3_mailbox_ops ops;
	void *ctx;
};

enum pop3_state {
	POP3_AUTHORIZATION = 1, /* RFC 1939 4 */
	POP3_TRANSACTION = 2,   /* 5; UPDATE (6) is what QUIT does */
};

enum pop3_mark { POP3_MARK_DELETED = 1, POP3_MARK_READ = 2 };

struct pop3_session {
	const struct pop3_server *server;
	const struct listener_client *client;
	struct stream *stream;
	const struct tls_info *tls; /* NULL: in clear text */
	enum pop3_state state;
	bool utf8;    /* UTF8 was given (RFC 6856 2) */
	bool closing; /* the reply on its way is the last */
	int errors, auth_failures;
	int idle; /* commands before login that led nowhere */
	int64_t started_ms;
	char login[POP3_SERVER_CMD_MAX + 1]; /* from USER; "" without */
	char mechanism[32]; /* that was tried last; "" before */
	int64_t waited_ms;  /* before the last login was looked at */
	char address[sizeof(((struct user *)0)->address)];

	void *mailbox; /* NULL before login */
	uint32_t count;
	unsigned char *mark;  /* one for each message: enum pop3_mark */
	uint32_t left;        /* not marked as deleted */
	uint64_t left_octets; /* and their size */
	uint32_t retrieved, removed;
};

/* A handler returns 0 to go on, -1 when the connection is of no more use. */
typedef int pop3_handler(struct pop3_session *s, struct span args);

/* One file for each group of verbs. */
pop3_handler pop3_server_capa, pop3_server_user, pop3_server_pass,
    pop3_server_auth, pop3_server_utf8, pop3_server_stls;
pop3_handler pop3_server_stat, pop3_server_list, pop3_server_uidl,
    pop3_server_dele, pop3_server_rset, pop3_server_noop, pop3_server_quit;
pop3_handler pop3_server_retr, pop3_server_top;

/* pop3_server_deadline - for the next read or write of this session. */
int64_t pop3_server_deadline(const struct pop3_session *s);

/* pop3_server_ok, _fail - one status line.  code: "IN-USE" or NULL (RFC 2449
 * 8).  _error is a _fail that counts towards the end of a hopeless client. */
int pop3_server_ok(struct pop3_session *s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
int pop3_server_fail(struct pop3_session *s, const char *code,
		     const char *text);
int pop3_server_error(struct pop3_session *s, const char *text);

/* pop3_server_number - the message a command names into *i (from 0): 0, or -1
 * when a negative reply was given, whose result is then in *rc. */
int pop3_server_number(struct pop3_session *s, struct span word, uint32_t *i,
		       int *rc);

/* pop3_server_may_login - encrypted, or clear text from here is allowed. */
bool pop3_server_may_login(const struct pop3_session *s);

/* pop3_server_secured - the session is encrypted from here on: take note. */
void pop3_server_secured(struct pop3_session *s);

/* pop3_server_flush - send what is waiting, and watch for the drain while we
 * wait for the client. */
int pop3_server_flush(struct pop3_session *s, struct err *e);

#endif
