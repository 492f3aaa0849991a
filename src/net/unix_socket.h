#ifndef PP_NET_UNIX_SOCKET_H
#define PP_NET_UNIX_SOCKET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "net/stream.h"

/*
 * Sockets in the file system: where a server listens for the programs of this
 * machine, and how to reach one.  Thread: any.
 */
enum { UNIX_SOCKET_PATH_SIZE = 108 }; /* of sun_path, NUL included */

struct unix_socket {
	int fd; /* -1: none */
	char path[UNIX_SOCKET_PATH_SIZE];
	dev_t dev; /* of what we made at that path */
	ino_t ino;
};

/* unix_socket_is_path - is an address of the configuration a path? */
bool unix_socket_is_path(const char *text);

/*
 * unix_socket_listen - bind and listen at an absolute path.  mode: who may
 * connect (0600, 0660, 0666), whatever the umask; group: whose the socket
 * becomes, NULL or "" for our own.  Until it listens nobody can connect.  The
 * umask of the process is 0 for a moment.  A socket nobody
 * listens on is what a crash left: it is replaced.  One with a listener, and
 * anything that is no socket, stays, and we refuse.  0 or -1 (PERM).
 */
int unix_socket_listen(struct unix_socket *s, const char *path, mode_t mode,
		       const char *group, struct err *e);

/* unix_socket_close - close it and remove its name, unless another has taken
 * the name meanwhile. */
void unix_socket_close(struct unix_socket *s);

/* unix_socket_peer - the system user at the other end of a connection, as the
 * kernel knows it; false when it does not. */
bool unix_socket_peer(int fd, uid_t *uid);

/*
 * unix_socket_dial - connect to the server at `path`, like net_dial: TEMP when
 * nobody listens there, TIMEOUT, STOP; PERM for a path that is too long.
 */
int unix_socket_dial(struct stream **s, const char *path, int64_t deadline_ms,
		     const struct wake *stop, struct err *e);

#endif
