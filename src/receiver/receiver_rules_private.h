#ifndef PP_RECEIVER_RECEIVER_RULES_PRIVATE_H
#define PP_RECEIVER_RECEIVER_RULES_PRIVATE_H

#include <stdatomic.h>

#include "receiver/receiver_alias.h"
#include "receiver/receiver_rules.h"

/* Shared by receiver_rules.c (what they say) and receiver_rules_make.c (how
 * they are read). */
struct receiver_rules {
	atomic_uint references;
	char **domain;
	size_t n_domains;
	char *postmaster; /* canonical address of a user; "" for none */
	struct receiver_aliases aliases;
};

/* receiver_rules_make_address - the canonical form of a local address in the
 * configuration. */
int receiver_rules_make_address(const struct receiver_rules *r,
				struct span text, char canonical[ADDRESS_SIZE],
				struct err *e);

/* receiver_rules_make_aliases - those of [aliases] and of the aliases file.
 * -1 with "file:line: name: reason". */
int receiver_rules_make_aliases(struct receiver_rules *r, const char *path,
				const struct receiver_options *o,
				struct err *e);

#endif
