#ifndef PP_SENDER_SENDER_PRIVATE_H
#define PP_SENDER_SENDER_PRIVATE_H

#include "auth/sasl.h"
#include "auth/users.h"
#include "milter/milter_filter.h"
#include "net/listener.h"
#include "net/network.h"
#include "net/services.h"
#include "queue/scheduler.h"
#include "sender/control.h"
#include "sender/from_header.h"
#include "sender/local_users.h"
#include "sender/login_limits.h"
#include "sender/pickup.h"
#include "sender/relay.h"
#include "sender/routes.h"
#include "sender/sender_options.h"
#include "sender/verify.h"
#include "smtp/smtp_server.h"

/* The server object: made by bind, filled by run, shared by all threads. */
struct sender {
	const struct sender_options *o;
	char hostname[256];
	char postmaster[ADDRESS_SIZE]; /* of this server */
	int data_fd, lock_fd;          /* -1 until run */
	struct wake stop;              /* ends waits for receivers */
	struct services *services;
	struct smtp_server *local; /* the service's engine, for the pickup */
	struct local_users *local_users;
	struct pickup *pickup; /* NULL: no maildrop */
	struct users *users;
	struct sasl *sasl;
	struct milter_filter *filter; /* between smtp and the policy */
	struct network_list xclient_from;
	struct login_limits *limits;
	struct routes *routes;
	struct spool *spool;
	struct trail *trail; /* NULL: none is kept */
	struct scheduler *scheduler;
	struct pool *relay_pool, *verify_pool;
	struct verify *verify;
	struct reach reach;
	struct relay relay;
	struct control *control;
};

/* sender_policy_ops - what the submission service accepts; ctx is the sender.
 */
const struct smtp_server_ops *sender_policy_ops(void);

/*
 * sender_author_check - may the transaction's client speak in the name of who
 * its header `block` says (sender/from_header.h)?  0: f is filled; -1: *r
 * refuses.
 */
int sender_author_check(const struct sender *s, const struct smtp_txn *txn,
			struct span block, struct from_header *f,
			struct smtp_reply *r);

/* sender_header_refused - did submit_fix_header fail for what the message is?
 * Then *r refuses it for good. */
bool sender_header_refused(const struct err *e, struct smtp_reply *r);

/* sender_wish_utf8 - does the next hop need SMTPUTF8 for it?  sender_wish_tls -
 * what it wants of TLS.  `block`: its header. */
bool sender_wish_utf8(const struct smtp_txn *txn, struct span block);
enum spool_tls sender_wish_tls(const struct smtp_txn *txn, struct span block);

/* sender_on_queue - XQUEUE: list or cancel what the login has handed in. */
void sender_on_queue(void *ctx, const struct smtp_client_info *c,
		     const char *id, struct smtp_reply *r);

/* sender_filter_check - the milters of a configuration; `path` is for *e.
 * sender_filter_open - the filter, with those of the start; sender_filter_use -
 * with these from the next session on; -1: it stays as it was. */
int sender_filter_check(const char *path, const struct sender_options *o,
			struct err *e);
int sender_filter_open(struct sender *s, struct err *e);
int sender_filter_use(struct sender *s, const struct sender_options *o,
		      struct err *e);

/* sender_reach_check - is what the configuration says of name servers and
 * certificates usable?  sender_reach_open - fill s->reach; s->data_fd is open.
 * sender_reach_close - when no delivery is under way. */
int sender_reach_check(const char *path, const struct sender_options *o,
		       struct err *e);
int sender_reach_open(struct sender *s, struct err *e);
void sender_reach_close(struct sender *s);

/* ---- services: the fields of their rows (net/services.h) ------------------
 * The server is the struct sender, values are its options.
 */
void sender_submission_options(const void *values, struct listener_options *l);
int sender_submission_open(void *server, struct tls_server *tls, void **engine,
			   struct err *e);
void sender_submission_close(void *engine); /* that of local, too */
/* sender_submission_smtp - of any service that takes mail of users; tls is
 * still to be set. */
struct smtp_server_options sender_submission_smtp(const struct sender *s);

/* The service for programs of this machine, whose clients the kernel names. */
void sender_local_options(const void *values, struct listener_options *l);
int sender_local_open(void *server, struct tls_server *tls, void **engine,
		      struct err *e);
/* sender_local_check - is the configuration's local-socket a path? */
int sender_local_check(const char *path, const struct sender_options *o,
		       struct err *e);
/* sender_local_pickup - take in what is in the maildrop; after local's open. */
int sender_local_pickup(struct sender *s, struct err *e);

/* ---- hand-overs (sender_handed.c) -----------------------------------------
 */
enum { SENDER_HANDED_SIZE = SMTP_DELIVERY_ID_MAX + 16 };

/* sender_handed_name - what the program calls its message, and whose it is;
 * "" when it is no program of this machine, or gives no name. */
void sender_handed_name(const struct smtp_client_info *c,
			const struct smtp_txn *txn,
			char name[SENDER_HANDED_SIZE]);

/* sender_handed_is_known - was it taken for this recipient before? */
bool sender_handed_is_known(struct sender *s, const char *name,
			    const char *address);

/* sender_handed_claim - for each recipient of txn: known[i], or ours to take.
 * -1 (TEMP): another session is taking it, nothing is claimed.
 * sender_handed_drop - the first n are not taken after all; what the spool has
 * kept meanwhile stays. */
int sender_handed_claim(struct sender *s, const char *name,
			const struct smtp_txn *txn, bool *known, struct err *e);
void sender_handed_drop(struct sender *s, const char *name,
			const struct smtp_txn *txn, unsigned n);

/* sender_cut_through - queue *m, wait for its first attempt, and say in *r what
 * that came to.  -1: as scheduler_add, *r is as it was. */
int sender_cut_through(struct sender *s, struct spool_msg **m,
		       const struct smtp_txn *txn, struct smtp_reply *r,
		       struct err *e);

#endif
