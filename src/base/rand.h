#ifndef PP_BASE_RAND_H
#define PP_BASE_RAND_H

#include <stddef.h>
#include <stdint.h>

/* rand_bytes - n bytes from the kernel; never fails (it waits). Thread: any. */
void rand_bytes(void *p, size_t n);
uint64_t rand_u64(void);

/*
 * rand_id - a new id into buf (>= RAND_ID_SIZE): 16 lower-case base-32
 * characters that sort by the time they were made.  Unique on this host for
 * every practical purpose (40 bits of milliseconds, 40 random bits).
 */
enum { RAND_ID_SIZE = 17 };
void rand_id(char *buf);

#endif
