#ifndef PP_RECEIVER_RECEIVER_LIMITS_H
#define PP_RECEIVER_RECEIVER_LIMITS_H

#include "net/network.h"
#include "receiver/receiver_options.h"
#include "smtp/smtp_server.h"

/*
 * receiver_limits - how much a client of SMTP may do in a while, by its
 * address; and whose Authentication-Results are believed.  Thread: any.
 */
struct receiver_limits;

/* receiver_limits_new - from the options; `path` is for the messages of *e. */
int receiver_limits_new(struct receiver_limits **l, const char *path,
			const struct receiver_options *o, struct err *e);
void receiver_limits_free(struct receiver_limits **l); /* NULL-safe */

enum receiver_limit {
	RECEIVER_CONNECTIONS,
	RECEIVER_MESSAGES,
	RECEIVER_RECIPIENTS,
	RECEIVER_LIMITS,
};

/* receiver_limits_take - one more of these by this client: 0; or -1, and *r
 * refuses it for now.  LMTP has no limits. */
int receiver_limits_take(struct receiver_limits *l, enum receiver_limit what,
			 const struct smtp_client_info *c,
			 struct smtp_reply *r);

/* receiver_limits_exempt - the networks without limits; as long as *l. */
const struct network_list *
receiver_limits_exempt(const struct receiver_limits *l);

/* receiver_limits_trusts - are this client's results to be believed? */
bool receiver_limits_trusts(const struct receiver_limits *l,
			    const struct smtp_client_info *c);

#endif
