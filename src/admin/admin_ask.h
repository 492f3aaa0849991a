#ifndef PP_ADMIN_ADMIN_ASK_H
#define PP_ADMIN_ADMIN_ASK_H

#include "admin/admin_row.h"
#include "base/buf.h"

/*
 * admin_ask - one question to the running sender, through the control socket
 * of data directory `dir`.
 *
 * request: a line without its LF; admin_ask_add() escapes the values.
 * see is called for each object but the last, with the line as it came.
 *
 * Returns 0: answered, *failed is what the server counted as failed; -1 with
 * the reason: sys is ENOENT or ECONNREFUSED when no server is there, EACCES
 * when it is another user's, class PERM when it did not like the request.
 */
typedef void admin_see_fn(void *ctx, const struct admin_row *row,
			  struct span line);
int admin_ask(const char *dir, struct span request, admin_see_fn *see,
	      void *ctx, int64_t *failed, struct err *e);

/* admin_ask_add - " key=value", percent-escaped.  0 or -1. */
int admin_ask_add(struct buf *request, const char *key, const char *value);

#endif
