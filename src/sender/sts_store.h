#ifndef PP_SENDER_STS_STORE_H
#define PP_SENDER_STS_STORE_H

#include "sender/sts_policy.h"

/*
 * sts_store - policies on disk, one file a domain (doc/formats.md): a line
 *
 *   postpair-sts 1 CRC FETCHED ID
 *
 * and the policy as it came.  CRC is over the domain, the rest of the line and
 * the policy, so that one domain's file is never another's.  Thread: any, one
 * a domain.
 */
struct sts_kept {
	char id[STS_ID_SIZE];
	int64_t fetched_s; /* wall clock */
	struct sts_policy policy;
};

/* sts_store_open - the directory below data_fd, made when missing; with no more
 * than max files, the oldest go; where it cannot be read to its end none does,
 * and the log says so.  A descriptor, or -1. */
int sts_store_open(int data_fd, unsigned max, struct err *e);

/* sts_store_read - 0; -1: there is none, or it is of no use. */
int sts_store_read(int fd, const char *domain, struct sts_kept *k);

/* sts_store_write - text: the policy as it came. */
int sts_store_write(int fd, const char *domain, const char *id,
		    int64_t fetched_s, struct span text, struct err *e);

/* sts_store_parse - the content of a file; for sts_store_read. */
int sts_store_parse(struct span text, const char *domain, struct sts_kept *k);

#endif
