#ifndef PP_ADMIN_ADMIN_PASSWORD_H
#define PP_ADMIN_ADMIN_PASSWORD_H

#include <stddef.h>

#include "base/err.h"

/*
 * admin_password_read - the new password into buf (> PASSWORD_MAX bytes):
 * the first line of descriptor `fd` when fd >= 0; else asked for twice,
 * unseen, when standard input is a terminal; else its first line.
 * The caller wipes buf.  -1 with a reason.
 */
int admin_password_read(int fd, char *buf, size_t size, struct err *e);

#endif
