#ifndef PP_TESTS_UNIT_STORE_TREE_H
#define PP_TESTS_UNIT_STORE_TREE_H

#include "../test.h"

#include "store/delivery.h"
#include "store/maildir.h"

/* A tree of mailboxes in a directory of its own, for each test. */
struct tree {
	char path[256];
	struct maildir_tree *t;
};

int tree_setup(void **state);
int tree_teardown(void **state);

/* tree_count - messages in a folder ("bob@xyz.com" as "xyz.com/bob"). */
int tree_count(const struct tree *t, const char *mailbox, const char *folder);

/* tree_name - the name of the only file there. */
void tree_name(const struct tree *t, const char *mailbox, const char *folder,
	       char name[256]);

/* tree_put - a file with these bytes under this name; folder is made. */
void tree_put(const struct tree *t, const char *mailbox, const char *folder,
	      const char *name, const char *bytes);

/* tree_get - a file's bytes as a malloc'ed string. */
char *tree_get(const struct tree *t, const char *mailbox, const char *folder,
	       const char *name);

/* tree_deliver - one message into the mailboxes of a NULL-ended list. */
int tree_deliver(const struct tree *t, const char *text,
		 const char *const *mailboxes, struct err *e);

#endif
