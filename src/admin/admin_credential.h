#ifndef PP_ADMIN_ADMIN_CREDENTIAL_H
#define PP_ADMIN_ADMIN_CREDENTIAL_H

#include "admin/admin.h"
#include "auth/password.h"

enum { ADMIN_SCHEMES_MAX = 4 };

/* What a user's line gets for one password: a credential for each scheme. */
struct admin_credentials {
	size_t n;
	const char *list[ADMIN_SCHEMES_MAX];
	char text[ADMIN_SCHEMES_MAX][PASSWORD_STORED_SIZE];
};

/*
 * admin_credential_ask - read the new password and make a credential of it for
 * each scheme of --scheme, for the user of that address, with the count that
 * --iterations or the secret of `users_file` says.  The secret is made when
 * missing, with that count.  -1: PERM for an option or a password that makes no
 * sense (before the password is asked for, where that is possible).
 */
int admin_credential_ask(const struct admin_options *o, const char *users_file,
			 const char *address, struct admin_credentials *c,
			 struct err *e);

/* admin_credential_iterations - what --iterations says, 0 for nothing. */
int admin_credential_iterations(const struct admin_options *o, unsigned *n,
				struct err *e);

#endif
