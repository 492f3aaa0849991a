#ifndef PP_SENDER_TLS_MEMORY_H
#define PP_SENDER_TLS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * tls_memory - how well protected the connection to each destination was, at
 * best.  Who was encrypted once is not spoken to in the clear later: that is
 * what somebody in between would like, who can take STARTTLS out of an answer
 * but cannot take back what we know.
 *
 * Kept in <data-dir>/tls-memory, a line for each change with a checksum
 * (doc/formats.md).  A line that is damaged says nothing.  Bounded: the
 * destination that was not seen for longest goes first.  Thread: any.
 */
struct tls_memory;

enum tls_level {
	TLS_LEVEL_CLEAR,     /* or nothing is known */
	TLS_LEVEL_ENCRYPTED, /* whose certificate it was is not certain */
	TLS_LEVEL_VERIFIED,  /* valid for the name, or what DNSSEC says */
};

enum {
	TLS_MEMORY_MAX = 10000,     /* destinations */
	TLS_MEMORY_NAME_SIZE = 320, /* host:port or a domain */
};

/* tls_memory_open - ttl_s: for how long a level is remembered after it was
 * seen last; 0: nothing is.  data_fd lives on.  -1: the file cannot be read. */
int tls_memory_open(struct tls_memory **m, int data_fd, int64_t ttl_s,
		    struct err *e);
void tls_memory_free(struct tls_memory **m);

enum tls_level tls_memory_get(struct tls_memory *m, const char *name);

/* tls_memory_note - reached now; a lower level than is known changes nothing.
 * A failure to write is logged: it is remembered until the program ends. */
void tls_memory_note(struct tls_memory *m, const char *name,
		     enum tls_level level);

/* tls_memory_forget - false: it was not known. */
bool tls_memory_forget(struct tls_memory *m, const char *name);

/* tls_memory_next - walk: the first name after `name` ("" to begin).  False:
 * no more. */
struct tls_memory_item {
	char name[TLS_MEMORY_NAME_SIZE];
	enum tls_level level;
	int64_t seen_s;    /* wall clock */
	int64_t expires_s; /* wall clock */
};
bool tls_memory_next(struct tls_memory *m, const char *name,
		     struct tls_memory_item *item);

const char *tls_level_name(enum tls_level level);

#endif
