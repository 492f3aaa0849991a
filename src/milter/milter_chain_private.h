#ifndef PP_MILTER_MILTER_CHAIN_PRIVATE_H
#define PP_MILTER_MILTER_CHAIN_PRIVATE_H

#include "milter/milter_chain.h"

/* Shared by milter_chain.c (session and envelope) and milter_chain_message.c
 * (content). */
enum milter_member_state {
	MEMBER_CLOSED, /* not tried yet */
	MEMBER_OPEN,
	MEMBER_FAILED, /* its fallback is in force */
};

struct milter_member {
	const struct milter_config *config;
	struct milter_session *session; /* when OPEN */
	enum milter_member_state state;
	bool content; /* accepts the whole session */
	bool done;    /* accepts this message, or the whole session */
	bool told;    /* knows of this message: to be aborted */
};

struct milter_chain {
	struct milter_setup *setup;
	struct milter_facts *facts;
	struct milter_client client;
	bool in_message;
	const char *discards;
	size_t n;
	struct milter_member v[];
};

/* milter_chain_fall_back - the answer of one that cannot be asked, into *r. */
void milter_chain_fall_back(const struct milter_member *m,
			    struct smtp_reply *r);

/* milter_chain_fail - log it, close the session, put its fallback into *r. */
void milter_chain_fail(struct milter_chain *c, struct milter_member *m,
		       const char *step, const struct err *why,
		       struct smtp_reply *r);

/* milter_chain_decided - note a verdict; true when it is a last word on this
 * message: *r is a refusal, or m is done. */
bool milter_chain_decided(struct milter_chain *c, struct milter_member *m,
			  const char *step, const struct milter_verdict *v,
			  struct smtp_reply *r);

#endif
