#ifndef PP_NET_DNS_PRIVATE_H
#define PP_NET_DNS_PRIVATE_H

#include <unbound.h>

#include "net/dns.h"

/* Shared by dns.c (questions) and dns_answer.c (from libunbound's result to a
 * bounded struct). */

/* dns_answer_copy - NULL: out of memory. */
struct dns_answer *dns_answer_copy(const struct ub_result *r);

/* dns_answer_failed - libunbound itself could not, for the reason rc. */
struct dns_answer *dns_answer_failed(int rc);

#endif
