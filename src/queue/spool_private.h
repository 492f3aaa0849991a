#ifndef PP_QUEUE_SPOOL_PRIVATE_H
#define PP_QUEUE_SPOOL_PRIVATE_H

#include <pthread.h>

/* Shared by spool.c (directories, start, results) and spool_text.c (a message
 * written and read). */
struct spool {
	int queue_fd, tmp_fd, msg_fd, damaged_fd;
	pthread_mutex_t append; /* one record at a time (no torn middle) */
};

#endif
