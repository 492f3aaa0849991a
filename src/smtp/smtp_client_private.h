#ifndef PP_SMTP_CLIENT_PRIVATE_H
#define PP_SMTP_CLIENT_PRIVATE_H

#include "net/stream.h"
#include "smtp/smtp_client.h"

/* Shared by smtp_client.c (connection) and smtp_client_send.c (transaction). */
enum { SMTP_CLIENT_GREETING_SIZE = 256 };

struct smtp_client {
	struct stream *stream;
	int64_t command_timeout_ms, data_timeout_ms;
	smtp_trace_fn *trace;
	void *trace_ctx;
	bool dead; /* no valid answer came: never used again */
	bool lmtp;
	unsigned extensions;
	int64_t size_max;
	char greeting[SMTP_CLIENT_GREETING_SIZE];
};

int64_t smtp_client_deadline(const struct smtp_client *c);

/* smtp_client_put - one command line into the output buffer. */
int smtp_client_put(struct smtp_client *c, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* smtp_client_verdict - flush, then read one reply that must be 2xx, 4xx, 5xx,
 * or exactly `also` (0: none); `what` names the command for an error. */
int smtp_client_verdict(struct smtp_client *c, int64_t deadline_ms, int also,
			const char *what, struct smtp_reply *r, struct err *e);

#endif
