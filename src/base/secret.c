#include "base/secret.h"

#include <errno.h>
#include <sys/stat.h>

int
secret_check(const char *path, struct err *e)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return err_set(e, ERR_PERM, errno, "%s", path);
	if ((st.st_mode & (S_IWGRP | S_IRWXO)) != 0)
		return err_set(e, ERR_PERM, 0,
			       "%s is open to others (mode %04o): chmod 600,"
			       " or 640 for a group of its own",
			       path, (unsigned)st.st_mode & 07777u);
	return 0;
}
