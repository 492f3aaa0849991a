#ifndef PP_SENDER_VERIFY_PRIVATE_H
#define PP_SENDER_VERIFY_PRIVATE_H

#include "sender/verify.h"

/* Shared by verify.c (who asks, what is remembered) and verify_question.c (one
 * question to a receiver). */

/* verify_unreachable - VERIFY_UNREACHABLE, with the reason in *r. */
enum verify_answer verify_unreachable(struct smtp_reply *r, const char *why);

/* verify_question - ask now; *timed_out: the receiver was silent. */
enum verify_answer verify_question(const struct verify_options *o,
				   const struct way *way, const char *address,
				   int64_t deadline_ms, struct smtp_reply *r,
				   bool *timed_out);

#endif
