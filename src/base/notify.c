#include "base/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int
notify_send(const char *state, struct err *e)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET"); /* read before threads */

	if (path == NULL || path[0] == '\0')
		return 0;
	size_t n = strlen(path);
	if ((path[0] != '/' && path[0] != '@') || n >= sizeof(to.sun_path))
		return err_set(e, ERR_PERM, 0, "NOTIFY_SOCKET is not usable");
	memcpy(to.sun_path, path, n);
	if (path[0] == '@')
		to.sun_path[0] = '\0';
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(e, ERR_TEMP, errno, "notify socket");
	ssize_t put =
	    sendto(fd, state, strlen(state), MSG_NOSIGNAL,
		   (const struct sockaddr *)&to,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
	int sys = errno;
	(void)close(fd);
	if (put < 0)
		return err_set(e, ERR_TEMP, sys, "notify %s", path);
	return 1;
}
