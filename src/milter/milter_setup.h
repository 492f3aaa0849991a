#ifndef PP_MILTER_MILTER_SETUP_H
#define PP_MILTER_MILTER_SETUP_H

#include <stddef.h>

#include "base/err.h"
#include "base/option.h"
#include "milter/milter_session.h"

/*
 * Which milters mail goes through, of one reading of the configuration:
 *
 *   [milters]
 *   rspamd = inet:127.0.0.1:11332 default=accept end-timeout=2m
 *   dkim = unix:/run/opendkim/opendkim.sock
 *
 * and for a service their names in order.  Never changed once made, counted
 * references: a session keeps the one it began with.  Thread: any.
 */
struct milter_setup;

enum { MILTER_CHAIN_MAX = 16 };

/* What becomes of a message whose milter cannot be asked. */
enum milter_fallback { MILTER_TO_TEMPFAIL, MILTER_TO_ACCEPT, MILTER_TO_REJECT };

struct milter_config {
	struct milter_endpoint at;
	enum milter_fallback fallback;
};

/*
 * milter_setup_new - every line of the section is read, also of milters that
 * nobody uses; *s stays NULL when `names` is empty.  -1 (PERM): e->msg is
 * "path:line: NAME: reason", or "path: SERVICE: milters: reason".
 */
int milter_setup_new(struct milter_setup **s, const char *path,
		     const struct option_map *section, const char *service,
		     const struct option_list *names, struct err *e);
struct milter_setup *milter_setup_hold(struct milter_setup *s); /* NULL-safe */
void milter_setup_drop(struct milter_setup **s);                /* NULL-safe */

size_t milter_setup_count(const struct milter_setup *s);
const struct milter_config *milter_setup_at(const struct milter_setup *s,
					    size_t i);

#endif
