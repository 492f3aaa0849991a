#ifndef PP_RECEIVER_RECEIVER_RULES_H
#define PP_RECEIVER_RECEIVER_RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "auth/users.h"
#include "base/err.h"
#include "base/span.h"
#include "mail/address.h"
#include "receiver/receiver_options.h"

/*
 * Whose mail we take: the local domains, the aliases and the postmaster of one
 * reading of the configuration.  Never changed once made, counted references:
 * a reload makes a new one, a transaction keeps the one it began with.
 * Thread: any.
 */
struct receiver_rules;

enum {
	RECEIVER_TARGETS_MAX = 100, /* mailboxes one recipient may become */
};

/* receiver_rules_new - from the options; `path` is for the messages of *e:
 * "path:line: key: reason". */
int receiver_rules_new(struct receiver_rules **r, const char *path,
		       const struct receiver_options *o, struct err *e);
struct receiver_rules *receiver_rules_hold(struct receiver_rules *r);
void receiver_rules_drop(struct receiver_rules **r); /* NULL-safe */

bool receiver_rules_is_local(const struct receiver_rules *r,
			     struct span domain);

/* The mailboxes of a recipient. */
struct receiver_targets {
	size_t n;
	struct user v[RECEIVER_TARGETS_MAX];
	char missing[ADDRESS_SIZE]; /* the first of whom an alias names in vain
				     */
};

/*
 * receiver_rules_expand - which mailboxes canonical recipient `address` (in a
 * local domain, or "postmaster") stands for: itself, an alias' targets, the
 * same without +tag, the postmaster, or who gets the rest of a domain; each
 * once.  1 found; 0 unknown user, or an alias that leads to one (t->missing is
 * not ""): nobody would get that copy; -1 TEMP (also when the aliases go deeper
 * or wider than the bounds).
 */
int receiver_rules_expand(const struct receiver_rules *r, struct users *users,
			  const char *address, struct receiver_targets *t,
			  struct err *e);

/*
 * receiver_rules_remark - name in the log who is meant to get mail and does not
 * exist: targets of aliases, and the postmaster (RFC 5321 4.5.1).
 */
void receiver_rules_remark(const struct receiver_rules *r, struct users *users);

#endif
