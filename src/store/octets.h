#ifndef PP_STORE_OCTETS_H
#define PP_STORE_OCTETS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/err.h"

/*
 * Sizes with CRLF line ends of files whose names do not tell them (no W=):
 * other programs' deliveries.  Counting reads the whole file, so what was
 * counted is remembered, by the file and not by its name: message files never
 * change, and if one does, its size or time does too.  Bounded; any thread.
 */
struct octets;

enum { OCTETS_SLOTS = 32768 };

int octets_new(struct octets **o, struct err *e);
void octets_free(struct octets **o);

/* octets_of - of the regular file behind fd, which st describes; 0 or -1. */
int octets_of(struct octets *o, int fd, const struct stat *st, uint64_t *n);

#endif
