#ifndef PP_SENDER_CONTROL_H
#define PP_SENDER_CONTROL_H

#include "base/err.h"
#include "queue/scheduler.h"
#include "queue/trail.h"
#include "sender/routes.h"
#include "sender/verify.h"

/*
 * control - the socket through which an administrator asks the running server
 * about its queue and changes it: <data-dir>/control, mode 0600.  Only the
 * server's own user and root are heard (SO_PEERCRED says who it is, not the
 * client).  A client sends one request (control_request.h) and gets JSON
 * objects, a line each, the last of which has "end": true.
 *
 * A thread accepts, each client has a thread of its own, a few at most; every
 * read and write has its deadline.  Thread: new and free from one.
 */
struct control;

struct control_options {
	int data_fd;                 /* borrowed for the call */
	struct scheduler *scheduler; /* this and the following live on */
	struct routes *routes;
	struct trail *trail;       /* NULL: none is kept */
	const struct reach *reach; /* NULL: nothing is told of servers */
	struct verify *verify;     /* NULL: recipients are not asked about */
};

/* The name of the socket in the data directory. */
#define CONTROL_NAME "control"

/* control_new - listen, answer.  A socket left there by a killed server is
 * replaced: the caller holds the lock of the directory. */
int control_new(struct control **c, const struct control_options *o,
		struct err *e);

/* control_free - end what clients are at, wait for it, remove the socket. */
void control_free(struct control **c);

#endif
