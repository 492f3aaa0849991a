#include "shell/paths.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int
join(char buf[PATHS_SIZE], const char *variable, const char *below_home,
     const char *name)
{
	const char *base = getenv(variable), *home = getenv("HOME");
	int n;

	/* XDG: a relative path is to be ignored. */
	if (base != NULL && base[0] == '/')
		n = snprintf(buf, PATHS_SIZE, "%s/mailsh%s%s", base,
			     name == NULL ? "" : "/", name == NULL ? "" : name);
	else if (home != NULL && home[0] == '/')
		n = snprintf(buf, PATHS_SIZE, "%s/%s/mailsh%s%s", home,
			     below_home, name == NULL ? "" : "/",
			     name == NULL ? "" : name);
	else
		return -1;
	return n > 0 && n < PATHS_SIZE ? 0 : -1;
}

int
paths_config(char buf[PATHS_SIZE], const char *name)
{
	return join(buf, "XDG_CONFIG_HOME", ".config", name);
}

/* And every directory on the way to it. */
static int
join_making(char buf[PATHS_SIZE], const char *variable, const char *below_home,
	    const char *name)
{
	if (join(buf, variable, below_home, NULL) != 0)
		return -1;
	for (char *p = buf + 1; (p = strchr(p, '/')) != NULL; p++) {
		*p = '\0';
		(void)mkdir(buf, 0700);
		*p = '/';
	}
	(void)mkdir(buf, 0700);
	return join(buf, variable, below_home, name);
}

int
paths_state(char buf[PATHS_SIZE], const char *name)
{
	return join_making(buf, "XDG_STATE_HOME", ".local/state", name);
}

int
paths_data(char buf[PATHS_SIZE], const char *name)
{
	return join_making(buf, "XDG_DATA_HOME", ".local/share", name);
}

int
paths_expand(char buf[PATHS_SIZE], const char *path)
{
	const char *home = getenv("HOME");
	bool at_home = path[0] == '~' && (path[1] == '/' || path[1] == '\0');
	int n;

	if (at_home && (home == NULL || home[0] != '/')) {
		errno = ENOENT; /* no file of the name "~" is meant */
		return -1;
	}
	n = snprintf(buf, PATHS_SIZE, "%s%s", at_home ? home : "",
		     at_home ? path + 1 : path);
	if (n >= 0 && n < PATHS_SIZE)
		return 0;
	errno = ENAMETOOLONG;
	return -1;
}
