#ifndef PP_SHELL_CONTACTS_H
#define PP_SHELL_CONTACTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

/*
 * Contacts: short names for addresses, one a line in
 * $XDG_CONFIG_HOME/mailsh/contacts ("bob bob@xyz.com Bob Builder").
 * A name works wherever an address does.  One thread.
 */
enum {
	CONTACTS_MAX = 10000,
	CONTACTS_NAME_MAX = 64,
	CONTACTS_FILE_MAX = 4 * 1024 * 1024,
	CONTACTS_NAMED_MAX = 10, /* lines that are no contacts */
};

struct contact {
	char *name, *address, *full; /* full may be "" */
};

struct contacts {
	struct contact *v; /* in the order of the file */
	size_t n;
};

void contacts_free(struct contacts *c);

/* contacts_parse - the text of a file.  How many lines are no contacts (they
 * are passed over; *bad, which may be NULL, gets a line "file:line: reason" for
 * each of the first CONTACTS_NAMED_MAX), or -1 (TEMP). */
int contacts_parse(struct contacts *c, struct span text, const char *name,
		   struct buf *bad, struct err *e);

/* contacts_load - the same of a file; a missing one is no contacts. */
int contacts_load(struct contacts *c, const char *path, struct buf *bad,
		  struct err *e);

/* What a command does: give name[0] this address, or remove all the names. */
struct contacts_change {
	const struct span *name;
	size_t n_names;
	bool add;
	struct span address, full;
};

/*
 * contacts_change - in memory: all of it or nothing.  PERM when a name to be
 * removed is not there.
 * contacts_change_file - the same in the file, as it is by now: other shells
 * change it, too.  Every other line stays byte for byte, also one that nobody
 * understands.  *c becomes what the file holds then.
 */
int contacts_change(struct contacts *c, const struct contacts_change *x,
		    struct err *e);
int contacts_change_file(struct contacts *c, const char *path,
			 const struct contacts_change *x, struct err *e);

/* contacts_find - by name, ASCII case ignored; or NULL. */
const struct contact *contacts_find(const struct contacts *c, struct span name);

/* contacts_remove - 1 done, 0 not there. */
int contacts_remove(struct contacts *c, struct span name);

/*
 * contacts_resolve - an address list as typed, with contact names replaced by
 * their addresses, appended to *out.  PERM when a part is neither.
 */
int contacts_resolve(const struct contacts *c, struct span text,
		     struct buf *out, struct err *e);

/* contacts_resolve_known - the same; what is neither stays as it is. */
int contacts_resolve_known(const struct contacts *c, struct span text,
			   struct buf *out, struct err *e);

#endif
