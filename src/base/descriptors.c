#include "base/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int
descriptors_hold(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
			continue;
		/* All below are open, so the lowest free one is this.  It is to
		 * stay open in programs that are started. */
		int got =
		    open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY);
		if (got != fd) {
			if (got >= 0)
				(void)close(got);
			return -1;
		}
	}
	return 0;
}
