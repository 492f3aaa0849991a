#ifndef PP_SENDER_PICKUP_H
#define PP_SENDER_PICKUP_H

#include <stdint.h>

#include "base/err.h"
#include "sender/local_users.h"
#include "smtp/smtp_server.h"

/*
 * pickup - takes in what postpair-sendmail left in the maildrop directory while
 * the server was not there (doc/formats.md, mail/drop.h).  Each file becomes a
 * session with the local service, in the name of the user whom the file
 * belongs to, so that the same rules hold as for a client that is there; what
 * is refused is reported to that user.  A file goes when its message is safe in
 * the queue.  One thread; see doc/design.md for why nobody can speak for
 * another by it.
 */
struct pickup;

struct pickup_options {
	const char *path;         /* of the directory */
	struct smtp_server *smtp; /* the local service */
	const struct local_users *users;
	const char *hostname, *postmaster;
	int64_t size_max_bytes;
	int64_t expiry_ms; /* then what is refused for now has failed */
};

/*
 * pickup_new - open the directory (and make it, 0700: for our own user) and
 * begin.  -1: PERM when it belongs to somebody else, or lets others than its
 * group, which is postpair-drop's, put anything there or see what is in it.
 * Options are copied, what they point to lives on.
 */
int pickup_new(struct pickup **p, const struct pickup_options *o,
	       struct err *e);
void pickup_free(struct pickup **p); /* NULL-safe; ends the thread */

#endif
