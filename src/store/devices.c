#include "store/devices.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

int
devices_sync(struct devices *d, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; i < d->n; i++) {
		if (syncfs(d->v[i].fd) != 0)
			rc = err_set(e, ERR_TEMP, errno,
				     "cannot sync a mailbox on another file "
				     "system");
		(void)close(d->v[i].fd);
	}
	d->n = 0;
	return rc;
}

int
devices_touch(struct devices *d, int dirfd, struct err *e)
{
	struct stat st;

	if (fstat(dirfd, &st) != 0)
		return err_set(e, ERR_TEMP, errno, "cannot stat a mailbox");
	for (size_t i = 0; i < d->n; i++) {
		if (d->v[i].dev == st.st_dev)
			return 0;
	}
	if (d->n == DEVICES_MAX && devices_sync(d, e) != 0)
		return -1;
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, ERR_TEMP, errno, "cannot open a mailbox");
	d->v[d->n++] = (struct device){ .dev = st.st_dev, .fd = fd };
	return 0;
}
