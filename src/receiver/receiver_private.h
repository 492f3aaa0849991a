#ifndef PP_RECEIVER_RECEIVER_PRIVATE_H
#define PP_RECEIVER_RECEIVER_PRIVATE_H

/* The parts of the server, shared by the files of this room only. */

#include <pthread.h>

#include "auth/sasl.h"
#include "auth/users.h"
#include "net/listener.h"
#include "pop3/pop3_server.h"
#include "receiver/receiver_options.h"
#include "receiver/receiver_rules.h"
#include "smtp/smtp_server.h"
#include "store/ledger.h"
#include "store/maildir.h"

struct receiver {
	const struct receiver_options *o; /* of the start; lives to the end */
	char hostname[256];
	struct users *users;
	struct sasl *sasl;
	struct maildir_tree *tree;
	int data_dir, data_lock; /* descriptors, or -1 */
	struct ledger *ledger;
	struct smtp_server *smtp;
	struct pop3_server *pop3;
	struct listener *smtp_listener, *pop3_listener;

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

/* receiver_pop3_ops - Maildirs as maildrops; ctx is the struct receiver. */
const struct pop3_mailbox_ops *receiver_pop3_ops(void);

#endif
