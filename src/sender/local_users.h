#ifndef PP_SENDER_LOCAL_USERS_H
#define PP_SENDER_LOCAL_USERS_H

#include <stdbool.h>
#include <sys/types.h>

#include "auth/users.h"
#include "base/err.h"
#include "base/option.h"
#include "mail/address.h"

/*
 * local_users - who the users of this machine are, when they hand us mail over
 * the local socket or the maildrop directory: the kernel knows their uid, and
 * [local-users] what their addresses are.  Made once; any thread.
 *
 *   www-data = web@abc.com info@abc.com    the first is the login
 *   backup = *                             may send as anybody
 *
 * Who is not named there is name@hostname, root may send as anybody.  The
 * system's name is a user's own in any case, as programs know no other: at the
 * hostname and, where the users file gives it to nobody else, at the domains of
 * the user's addresses.
 */
struct local_users;

/* local_users_new - `path` is for "path:line: name: reason". */
int local_users_new(struct local_users **l, const char *path,
		    const struct option_map *map, const char *hostname,
		    struct err *e);
void local_users_free(struct local_users **l); /* NULL-safe */

/* local_users_login - the canonical login of a system user; false when its name
 * can be no address. */
bool local_users_login(const struct local_users *l, uid_t uid,
		       char login[ADDRESS_SIZE]);

/* local_users_address - the address that stands for this canonical one of a
 * system user: its login, when that was the system's name and has another
 * address in the configuration; else NULL: itself. */
const char *local_users_address(const struct local_users *l, uid_t uid,
				const char *address);

/* local_users_owns - may it send as this canonical address: one of its own, one
 * that its login owns in the users file, either with a +tag? */
bool local_users_owns(const struct local_users *l, struct users *users,
		      uid_t uid, const char *address);

#endif
