#ifndef PP_SENDER_PICKUP_PRIVATE_H
#define PP_SENDER_PICKUP_PRIVATE_H

#include <pthread.h>
#include <sys/types.h>

#include "base/clock_steady.h"
#include "base/siphash.h"
#include "base/thread.h"
#include "mail/drop.h"
#include "sender/pickup.h"
#include "smtp/smtp_client.h"

enum {
	PICKUP_SAID_MAX = 1024,
	PICKUP_TAKEN_MAX = 64,
	PICKUP_OVER_MAX = 64,
	PICKUP_NAME_SIZE = 33,
};

/* Hashes of what the log was told in one look at the directory. */
struct pickup_said {
	uint64_t line[PICKUP_SAID_MAX];
	size_t n;
};

/* Shared by pickup.c (the directory) and pickup_send.c (one message). */
struct pickup {
	struct pickup_options o;
	int dir_fd, watch_fd; /* -1: none */
	struct wake stop;
	pthread_t thread;
	bool running;
	struct clock_steady clock; /* by which things are old enough to go */
	/* What stands there and cannot be helped is said once, not at each
	 * look. */
	struct siphash_key said_key;
	struct pickup_said said[2]; /* in this look, in the one before */
	/* In the queue, and cannot be removed: not to be sent again. */
	char taken[PICKUP_TAKEN_MAX][PICKUP_NAME_SIZE];
	size_t n_taken;
	/* Whose hour is over in this look: their other files wait unread. */
	uid_t over[PICKUP_OVER_MAX];
	size_t n_over;
};

/* One file, open and looked at. */
struct pickup_file {
	const char *name;
	int fd;
	uid_t uid;
	int64_t size_bytes, written_s;
	char *head; /* malloc'ed; d borrows from it */
	size_t head_bytes;
	struct drop d;
	bool eight_bit;
	bool over_limit; /* why PICKUP_LATER: its owner's, not its own */
};

enum pickup_result {
	PICKUP_TAKEN,   /* the file can go */
	PICKUP_LATER,   /* not now */
	PICKUP_DAMAGED, /* nothing can be made of it: set aside */
};

/* pickup_send - give the message to the queue, and report what is refused.  *e
 * says why not TAKEN. */
enum pickup_result pickup_send(struct pickup *p, struct pickup_file *f,
			       struct err *e);

#endif
