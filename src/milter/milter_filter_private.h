#ifndef PP_MILTER_MILTER_FILTER_PRIVATE_H
#define PP_MILTER_MILTER_FILTER_PRIVATE_H

#include <pthread.h>

#include "milter/milter_chain.h"
#include "milter/milter_filter.h"
#include "net/resolve.h"

/* Shared by milter_filter.c (sessions), milter_filter_txn.c (transactions) and
 * milter_filter_pass.c (what is handed on). */
struct milter_filter {
	struct milter_filter_options o;
	struct smtp_server_ops ops;
	pthread_mutex_t lock; /* guards the pointer below */
	struct milter_setup *setup;
};

enum { MILTER_ORIGIN_SIZE = RESOLVE_NAME_SIZE + 80, MILTER_ID_TEXT_MAX = 998 };

/* A session that has milters: smtp_client_info.filter. */
struct filter_session {
	struct milter_chain *chain;
	struct milter_facts facts;
	char origin[MILTER_ORIGIN_SIZE];
	char name[RESOLVE_NAME_SIZE]; /* verified, or "unknown" */
	char ptr[RESOLVE_NAME_SIZE];  /* by the address alone, or "unknown" */
	char port[8];
	char cipher_bits[8];
};

/* A transaction of one: smtp_txn.filter. */
struct filter_txn {
	struct filter_session *session;
	bool stale;  /* the policy has recipients that a milter refused */
	bool direct; /* no milter is to see the content */
	bool closed; /* the policy's transaction was reset already */
	struct smtp_reply refusal; /* code 0: none so far */
	struct milter_message message;
	struct buf message_id;
	struct arena arena; /* of the second transaction */
};

/* milter_filter_know - what has been learnt of the client since: its TLS, its
 * login. */
void milter_filter_know(struct filter_session *s,
			const struct smtp_client_info *c);

/* milter_filter_failed - log why the client gets *r, and fill it in. */
void milter_filter_failed(const struct smtp_client_info *c, const char *step,
			  const struct err *why, struct smtp_reply *r);

/* The ops of a transaction (milter_filter_txn.c). */
void milter_filter_mail(void *ctx, const struct smtp_client_info *c,
			struct smtp_txn *txn, struct smtp_reply *r);
void milter_filter_rcpt(void *ctx, const struct smtp_client_info *c,
			struct smtp_txn *txn, struct smtp_txn_rcpt *rcpt,
			struct smtp_reply *r);
void milter_filter_data(void *ctx, const struct smtp_client_info *c,
			struct smtp_txn *txn, struct smtp_reply *r);
int milter_filter_header(void *ctx, struct smtp_txn *txn, struct span block,
			 bool whole, struct err *e);
int milter_filter_body(void *ctx, struct smtp_txn *txn, struct span bytes,
		       struct err *e);
void milter_filter_end(void *ctx, const struct smtp_client_info *c,
		       struct smtp_txn *txn, struct smtp_reply *r);
void milter_filter_reset(void *ctx, struct smtp_txn *txn);

/* milter_filter_pass - the message as the milters have made it to the policy;
 * *r is its answer. */
void milter_filter_pass(const struct milter_filter *f,
			const struct smtp_client_info *c, struct smtp_txn *txn,
			struct smtp_reply *r);

/* milter_filter_accepts - of a policy's or a milter's answer. */
static inline bool
milter_filter_accepts(const struct smtp_reply *r)
{
	return r->code >= 200 && r->code <= 299;
}

#endif
