#include "net/unix_socket.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/listener.h"

/* group: room for its entry; retry: a full backlog is not waited for by the
 * kernel (connect(2): EAGAIN), so we ask again. */
enum { GROUP_BYTES = 4096, RETRY_MS = 20 };

bool
unix_socket_is_path(const char *text)
{
	return text[0] == '/';
}

static int
address_of(const char *path, struct sockaddr_un *a, struct err *e)
{
	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (span_copy(span_of(path), a->sun_path, sizeof(a->sun_path)) != 0)
		return err_set(e, ERR_PERM, 0, "path over %zu bytes: %s",
			       sizeof(a->sun_path) - 1, path);
	return 0;
}

static int
new_socket(struct err *e)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd >= 0 ? fd : err_set(e, ERR_TEMP, errno, "socket");
}

/* ---- listening ------------------------------------------------------------
 */

static int
find_group(const char *name, gid_t *gid, struct err *e)
{
	char text[GROUP_BYTES];
	struct group entry, *found = NULL;

	*gid = (gid_t)-1;
	if (name == NULL || name[0] == '\0')
		return 0;
	int rc = getgrnam_r(name, &entry, text, sizeof(text), &found);
	if (found == NULL)
		return err_set(e, ERR_PERM, rc, "no such group: %s", name);
	*gid = found->gr_gid;
	return 0;
}

/* What stands at the path: may it go?  Only a socket that nobody listens on. */
static int
remove_stale(const struct sockaddr_un *a, struct err *e)
{
	struct stat st;

	if (lstat(a->sun_path, &st) != 0)
		return err_set(e, ERR_PERM, errno, "%s", a->sun_path);
	if (!S_ISSOCK(st.st_mode))
		return err_set(e, ERR_PERM, 0, "%s is there and no socket",
			       a->sun_path);
	int fd = new_socket(e);
	if (fd < 0)
		return -1;
	bool stale = connect(fd, (const struct sockaddr *)a, sizeof(*a)) != 0 &&
		     errno == ECONNREFUSED;
	(void)close(fd);
	if (!stale)
		return err_set(e, ERR_PERM, 0, "somebody listens on %s",
			       a->sun_path);
	if (unlink(a->sun_path) != 0)
		return err_set(e, ERR_PERM, errno, "cannot remove %s",
			       a->sun_path);
	return 0;
}

/*
 * The name appears with its mode and group at once: the kernel takes the mode
 * from the socket (less the umask) and the group from the thread.  Nothing is
 * changed by the name afterwards: root may be binding in a directory of the
 * user that it is going to become, who could put a link there meanwhile.
 */
static int
bind_as(int fd, const struct sockaddr_un *a, mode_t mode, gid_t gid)
{
	mode_t before = umask(0);
	int was = gid == (gid_t)-1 ? -1 : setfsgid(gid);

	int rc = fchmod(fd, mode) == 0
		     ? bind(fd, (const struct sockaddr *)a, sizeof(*a))
		     : -1;
	int sys = errno;
	if (was != -1)
		(void)setfsgid((gid_t)was);
	(void)umask(before);
	errno = sys;
	return rc;
}

static int
bind_at(int fd, const struct sockaddr_un *a, mode_t mode, gid_t gid,
	struct err *e)
{
	int rc = bind_as(fd, a, mode, gid);

	if (rc != 0 && errno == EADDRINUSE) {
		if (remove_stale(a, e) != 0)
			return -1;
		rc = bind_as(fd, a, mode, gid);
	}
	return rc == 0 ? 0
		       : err_set(e, ERR_PERM, errno, "cannot listen on %s",
				 a->sun_path);
}

/* Not root: a group of ours is given by the name, to what is ours. */
static int
give_group(const char *path, gid_t gid)
{
	return gid == (gid_t)-1 || geteuid() == 0
		   ? 0
		   : lchown(path, (uid_t)-1, gid);
}

int
unix_socket_listen(struct unix_socket *s, const char *path, mode_t mode,
		   const char *group, struct err *e)
{
	struct sockaddr_un a;
	struct stat st;
	gid_t gid;

	s->fd = -1;
	if (address_of(path, &a, e) != 0 || find_group(group, &gid, e) != 0)
		return -1;
	int fd = new_socket(e);
	if (fd < 0)
		return -1;
	if (bind_at(fd, &a, mode, gid, e) != 0) {
		(void)close(fd);
		return -1;
	}
	memcpy(s->path, a.sun_path, sizeof(s->path));
	if (lstat(path, &st) == 0) {
		s->dev = st.st_dev;
		s->ino = st.st_ino;
		s->fd = fd;
		if (give_group(path, gid) == 0 &&
		    listen(fd, LISTENER_BACKLOG) == 0)
			return 0;
	}
	(void)err_set(e, ERR_PERM, errno, "cannot set up %s", path);
	s->fd = fd;
	unix_socket_close(s);
	return -1;
}

void
unix_socket_close(struct unix_socket *s)
{
	struct stat st;

	if (s->fd < 0)
		return;
	/* The name goes first: who finds it finds a listener. */
	if (lstat(s->path, &st) == 0 && st.st_dev == s->dev &&
	    st.st_ino == s->ino)
		(void)unlink(s->path);
	(void)close(s->fd);
	s->fd = -1;
}

bool
unix_socket_peer(int fd, uid_t *uid)
{
	struct ucred who;
	socklen_t n = sizeof(who);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) != 0 ||
	    n != sizeof(who))
		return false;
	*uid = who.uid;
	return true;
}

/* ---- connecting -----------------------------------------------------------
 */

static int
connect_until(int fd, const struct sockaddr_un *a, int64_t deadline_ms,
	      const struct wake *stop, struct err *e)
{
	struct pollfd p = { .fd = stop == NULL ? -1 : wake_fd(stop),
			    .events = POLLIN };

	while (connect(fd, (const struct sockaddr *)a, sizeof(*a)) != 0) {
		if (errno != EAGAIN && errno != EINTR)
			return err_set(e, ERR_TEMP, errno,
				       "cannot connect to %s", a->sun_path);
		if (poll(&p, 1, RETRY_MS) > 0)
			return err_set(e, ERR_STOP, 0, "shutting down");
		if (deadline_ms >= 0 && clock_mono_ms() >= deadline_ms)
			return err_set(e, ERR_TIMEOUT, 0,
				       "%s: connect timed out", a->sun_path);
	}
	return 0;
}

int
unix_socket_dial(struct stream **s, const char *path, int64_t deadline_ms,
		 const struct wake *stop, struct err *e)
{
	struct sockaddr_un a;

	if (address_of(path, &a, e) != 0)
		return -1;
	int fd = new_socket(e);
	if (fd < 0)
		return -1;
	if (connect_until(fd, &a, deadline_ms, stop, e) != 0 ||
	    stream_new(s, fd, e) != 0) {
		(void)close(fd);
		return -1;
	}
	stream_watch(*s, stop);
	return 0;
}
