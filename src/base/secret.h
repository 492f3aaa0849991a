#ifndef PP_BASE_SECRET_H
#define PP_BASE_SECRET_H

#include "base/err.h"

/*
 * secret_check - may a file with passwords or a key be used as it stands?  Its
 * owner may read and write it and its group may read it (mode 0640: root's
 * file, read by the user of the servers); whoever else can do either makes it
 * no secret.  0, or -1 (PERM) with the path and what to do.  Thread: any.
 */
int secret_check(const char *path, struct err *e);

#endif
