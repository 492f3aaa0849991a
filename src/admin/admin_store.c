#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "admin/admin.h"
#include "store/volume.h"

/* Mark it; a marker that is there stays. */
static int
mark(const char *root)
{
	struct volume v;
	struct err e = { 0 };

	int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		(void)err_set(&e, ERR_TEMP, errno, "cannot open %s", root);
		return admin_fail(ADMIN_NO_INPUT, &e);
	}
	int rc = volume_make(fd, root, &v, &e);
	(void)close(fd);
	if (rc != 0)
		return admin_fail(e.class == ERR_PERM ? ADMIN_DATA : ADMIN_OS,
				  &e);
	(void)printf("%s is volume %s\n", root, v.uuid);
	return ADMIN_OK;
}

int
admin_store_init(const struct admin_options *o, char **args)
{
	struct err e = { 0 };
	char *root = NULL;

	if (args[0] != NULL && (args[1] != NULL || o->config_file != NULL)) {
		(void)err_set(&e, ERR_PERM, 0,
			      "one directory, or --config, not both");
		return admin_fail(ADMIN_USAGE, &e);
	}
	if (args[0] != NULL)
		return mark(args[0]);
	if (admin_config_maildirs(o->config_file, &root, &e) != 0)
		return admin_fail(
		    e.sys == ENOENT ? ADMIN_NO_INPUT : ADMIN_CONFIG, &e);
	int status = mark(root);
	free(root);
	return status;
}
