#ifndef PP_RECEIVER_RECEIVER_PRIVATE_H
#define PP_RECEIVER_RECEIVER_PRIVATE_H

/* The parts of the server, shared by the files of this room only. */

#include <pthread.h>

#include "auth/sasl.h"
#include "auth/users.h"
#include "milter/milter_filter.h"
#include "net/listener.h"
#include "net/network.h"
#include "net/services.h"
#include "pop3/pop3_server.h"
#include "receiver/receiver_limits.h"
#include "receiver/receiver_options.h"
#include "receiver/receiver_rules.h"
#include "smtp/smtp_server.h"
#include "store/delivery.h"
#include "store/fitness.h"
#include "store/ledger.h"
#include "store/maildir.h"

struct receiver {
	const struct receiver_options *o; /* of the start; lives to the end */
	char hostname[256];
	struct receiver_limits *limits;
	struct users *users;
	struct sasl *sasl;
	struct maildir_tree *tree;
	struct mounts *mounts;
	struct fitness *fitness;
	int data_dir, data_lock; /* descriptors, or -1 */
	struct ledger *ledger;
	struct milter_filter *filter; /* between smtp and the policy */
	struct network_list xclient_from, delivery_ids_from;
	struct services *services;

	pthread_mutex_t lock; /* guards the pointer below */
	struct receiver_rules *rules;
};

/* receiver_rules_now - the rules in force; the caller drops them. */
struct receiver_rules *receiver_rules_now(struct receiver *r);

/* receiver_store_open - mailboxes and ledger, what a crash left being put in
 * order; -1: *e, receiver_store_close is still to be called. */
int receiver_store_open(struct receiver *r, struct err *e);
void receiver_store_close(struct receiver *r);

/* receiver_policy_ops - what is accepted; ctx is the struct receiver. */
const struct smtp_server_ops *receiver_policy_ops(void);

/* receiver_filter_check - the milters of a configuration; `path` is for *e.
 * receiver_filter_open - the filter, with those of the start;
 * receiver_filter_use - with these from the next session on; -1: it stays as it
 * was. */
int receiver_filter_check(const char *path, const struct receiver_options *o,
			  struct err *e);
int receiver_filter_open(struct receiver *r, struct err *e);
int receiver_filter_use(struct receiver *r, const struct receiver_options *o,
			struct err *e);

/* ---- a transaction: smtp_txn.policy, in its arena -------------------------
 */
enum incoming_room { ROOM_ENOUGH, ROOM_NONE, ROOM_UNKNOWN, ROOM_STATES };
/* moved only before anything is reserved */
struct incoming_mailbox {
	const char *address;     /* canonical */
	int64_t quota_bytes;     /* of its user; 0: none of its own */
	enum incoming_room room; /* for this message */
	struct quota_use reserved;
	bool wanted;
};
struct incoming {
	bool again; /* asked before, by a filter: count nothing twice */
	struct receiver_rules *rules;
	char id[RAND_ID_SIZE];
	struct incoming_mailbox *mailbox; /* each once */
	size_t n, cap;
	struct delivery *delivery;
	unsigned hops; /* Received fields of its header */
	struct smtp_reply *refusal[ROOM_STATES]; /* for lack of room */
};
struct incoming_rcpt { /* smtp_txn_rcpt.policy: which mailboxes it is */
	size_t n;
	uint16_t at[];
};

/* receiver_rcpt_ask - struct smtp_server_ops.on_rcpt. */
void receiver_rcpt_ask(void *ctx, const struct smtp_client_info *c,
		       struct smtp_txn *txn, struct smtp_txn_rcpt *rcpt,
		       struct smtp_reply *r);
/* receiver_rcpt_failed - log a failure and answer it. */
void receiver_rcpt_failed(struct smtp_reply *r,
			  const struct smtp_client_info *c, const char *what,
			  const char *address, const struct err *e);
void receiver_rcpt_no_memory(struct smtp_reply *r);

/* receiver_quota_is_over - 1 when this mailbox has no room for so many bytes
 * more, 0 when it has, -1 (TEMP).  quota_bytes <= 0: that of all users. */
int receiver_quota_is_over(struct receiver *r, const char *address,
			   int64_t quota_bytes, int64_t more, struct err *e);
/* receiver_quota_reserve - likewise, but the room is kept for `room` while it
 * lasts; where a_byte is enough, one message may go over the limit. */
int receiver_quota_reserve(struct receiver *r, struct incoming_mailbox *m,
			   int64_t bytes, bool a_byte, struct err *e);
void receiver_quota_release(struct receiver *r, struct incoming *in);
/* receiver_quota_refuse - 452 4.2.2 or 552 5.2.2, as configured. */
void receiver_quota_refuse(const struct receiver *r, struct smtp_reply *reply);

/*
 * receiver_verdict_settle - at the end of the message: *to names the *n
 * mailboxes that get it, and an LMTP recipient that does not has its own reply.
 * -1: nobody gets it, *reply says why.
 */
int receiver_verdict_settle(struct receiver *r,
			    const struct smtp_client_info *c,
			    struct smtp_txn *txn, const char ***to, size_t *n,
			    struct smtp_reply *reply);

/* ---- services: the fields of their rows (net/services.h) ------------------
 * The server is the struct receiver, values are its options.
 */
void receiver_smtp_options(const void *values, struct listener_options *l);
int receiver_smtp_open(void *server, struct tls_server *tls, void **engine,
		       struct err *e);
void receiver_smtp_close(void *engine); /* LMTP's, too */
void receiver_lmtp_options(const void *values, struct listener_options *l);
int receiver_lmtp_open(void *server, struct tls_server *tls, void **engine,
		       struct err *e);
void receiver_pop3_options(const void *values, struct listener_options *l);
int receiver_pop3_open(void *server, struct tls_server *tls, void **engine,
		       struct err *e);
void receiver_pop3_close(void *engine);

#endif
