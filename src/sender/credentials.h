#ifndef PP_SENDER_CREDENTIALS_H
#define PP_SENDER_CREDENTIALS_H

#include "base/err.h"
#include "base/option.h"

/*
 * credentials - by which login and password we speak to other servers:
 *
 *   [credentials]
 *   NAME = login /path/to/password-file
 *
 * The password is the first line of a file that nobody else may read.  It is
 * read when the configuration is, and stays in memory.
 */
struct credentials;

enum { CREDENTIAL_SIZE = 256 };

struct credential {
	char login[CREDENTIAL_SIZE];
	char password[CREDENTIAL_SIZE];
};

/* credentials_new - -1 with "file:line: key: reason"; `path` is the file. */
int credentials_new(struct credentials **c, const char *path,
		    const struct option_map *map, struct err *e);
void credentials_free(struct credentials **c);

/* credentials_find - borrowed, or NULL. */
const struct credential *credentials_find(const struct credentials *c,
					  const char *name);

/* credential_clear - overwrite a copy. */
void credential_clear(struct credential *c);

#endif
