#ifndef PP_NET_HTTPS_H
#define PP_NET_HTTPS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/thread.h"

/*
 * https - fetch one small text; the only user of libcurl.  HTTPS alone, the
 * certificate checked for the name in the URL, no redirect followed, nothing
 * sent that was not asked for: no cookies, no credentials, no proxy.
 * Thread: any.
 */
struct https_options {
	size_t max_bytes;
	int64_t timeout_ms;     /* for all of it */
	const char *ca_file;    /* NULL: the system's */
	const char *connect_to; /* host:port in place of the URL's; or NULL */
};

/* https_start - before the first fetch, on one thread; https_end - after the
 * last. */
int https_start(struct err *e);
void https_end(void);

/*
 * https_get - the body of a 200, malloc'ed, a NUL behind it (not counted).
 * -1: PERM for another status, LIMIT when it is larger, TIMEOUT, STOP when
 * `stop` (may be NULL) is raised, TEMP.  Runs on a thread of its own, which
 * ends soon after a stop.
 */
int https_get(const char *url, const struct https_options *o,
	      const struct wake *stop, char **body, size_t *n, struct err *e);

#endif
