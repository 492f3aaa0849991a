#include "store/directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* 1: a regular file; 0: something else, or gone meanwhile; -1 with errno. */
static int
is_file(int dirfd, const struct dirent *at)
{
	struct stat st;

	if (at->d_type != DT_UNKNOWN)
		return at->d_type == DT_REG;
	if (fstatat(dirfd, at->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? 0 : -1;
	return S_ISREG(st.st_mode);
}

static int
scan(int dirfd, bool files_only, directory_see *see, void *ctx, struct err *e)
{
	int rc = 0, wanted = 1;

	/* a description of its own: the offset is not shared */
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (d == NULL) {
		(void)err_set(e, ERR_TEMP, errno, "cannot open a directory");
		if (fd >= 0)
			(void)close(fd);
		return -1;
	}
	while (rc == 0) {
		errno = 0;
		const struct dirent *at = readdir(d);
		if (at == NULL && errno == 0)
			break;
		if (at != NULL && (strcmp(at->d_name, ".") == 0 ||
				   strcmp(at->d_name, "..") == 0))
			continue;
		if (at != NULL && files_only)
			wanted = is_file(dirfd, at);
		if (at == NULL || wanted < 0)
			rc = err_set(e, ERR_TEMP, errno,
				     "cannot read a directory to its end");
		else if (wanted > 0)
			rc = see(ctx, at->d_name, e);
	}
	(void)closedir(d);
	return rc;
}

int
directory_scan(int dirfd, directory_see *see, void *ctx, struct err *e)
{
	return scan(dirfd, false, see, ctx, e);
}

int
directory_scan_files(int dirfd, directory_see *see, void *ctx, struct err *e)
{
	return scan(dirfd, true, see, ctx, e);
}
