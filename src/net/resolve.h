#ifndef PP_NET_RESOLVE_H
#define PP_NET_RESOLVE_H

#include <netdb.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/thread.h"

/*
 * resolve_host - the addresses of host for a TCP connection to port, in the
 * order of getaddrinfo(3), to be given back with freeaddrinfo(3).  "localhost"
 * and names below it are the loopback addresses, whatever the resolver thinks;
 * a numeric address is itself, without a question.
 * TEMP: no such name, or the resolver failed; TIMEOUT when deadline_ms (a
 * clock_mono_ms() value, negative: none) passes; STOP when `stop` (may be NULL)
 * is raised.  In the last two cases the question is left to itself.
 */
int resolve_host(struct addrinfo **list, const char *host, uint16_t port,
		 int64_t deadline_ms, const struct wake *stop, struct err *e);

/*
 * resolve_address - the host name that a numeric address is given, made of
 * letters, digits, '.', '-' and '_' and nothing else: whoever has the address
 * chooses the name.  *confirmed: the name has this address, too, so it is more
 * than a claim.  -1 as above, also when there is no such name.
 */
enum { RESOLVE_NAME_SIZE = 256 };
int resolve_address(const char *address, int64_t deadline_ms,
		    const struct wake *stop, char name[RESOLVE_NAME_SIZE],
		    bool *confirmed, struct err *e);

#endif
