/*
 * Fills the queue of a stopped sender-side server.
 *
 *   fill_queue DATA-DIR MESSAGES DOMAIN [DOMAINS]
 *
 * Writes DATA-DIR/queue/msg/ID as the spool does, without its syncs.  With
 * DOMAINS, message i goes to "d<i modulo DOMAINS>.DOMAIN".
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crc32.h"
#include "base/durable.h"
#include "queue/spool_format.h"

static const char text[] = "Received: from client.example by here\r\n"
			   "From: sender@abc.com\r\nSubject: one of many\r\n"
			   "\r\nBody.\r\n";

static int
put(int msg, const char *id, const char *domain, long number, struct err *e)
{
	char first[SPOOL_FIRST_SIZE + 1], address[300], from[64];
	struct spool_to to = { .address = address, .domain = domain };
	struct spool_envelope env = { .id = id,
				      .arrival_s = clock_wall_s(),
				      .reverse_path = from,
				      .to = &to,
				      .n_to = 1 };
	struct buf b;

	(void)snprintf(address, sizeof(address), "user%ld@%s", number, domain);
	(void)snprintf(from, sizeof(from), "sender%ld@abc.com", number % 100);
	buf_init(&b, SPOOL_ENVELOPE_MAX);
	int rc = spool_format_envelope(&env, false, &b);
	spool_format_first(first, buf_span(&b), sizeof(text) - 1,
			   crc32_add(0, text, sizeof(text) - 1));
	int fd = rc == 0 ? durable_create(msg, id, e) : -1;
	if (fd >= 0) {
		rc = durable_write(fd, first, SPOOL_FIRST_SIZE, e);
		if (rc == 0)
			rc = durable_write(fd, b.p, b.n, e);
		if (rc == 0)
			rc = durable_write(fd, text, sizeof(text) - 1, e);
		(void)close(fd);
	}
	buf_free(&b);
	return fd < 0 ? -1 : rc;
}

int
main(int argc, char **argv)
{
	char id[RAND_ID_SIZE], domain[200];
	struct err e = { 0 };

	if (argc != 4 && argc != 5) {
		(void)fprintf(stderr, "usage: fill_queue DATA-DIR MESSAGES "
				      "DOMAIN [DOMAINS]\n");
		return 2;
	}
	long n = strtol(argv[2], NULL, 10);
	long domains = argc == 5 ? strtol(argv[4], NULL, 10) : 0;
	int data = durable_open_dir(AT_FDCWD, argv[1], 1, &e);
	int queue = data < 0 ? -1 : durable_open_dir(data, "queue", 1, &e);
	int msg = queue < 0 ? -1 : durable_open_dir(queue, "msg", 1, &e);
	int rc = msg < 0 ? -1 : 0;
	for (long i = 0; i < n && rc == 0; i++) {
		rand_id(id);
		(void)snprintf(domain, sizeof(domain), "%s", argv[3]);
		if (domains > 0)
			(void)snprintf(domain, sizeof(domain), "d%ld.%s",
				       i % domains, argv[3]);
		rc = put(msg, id, domain, i, &e);
	}
	if (rc != 0)
		(void)fprintf(stderr, "fill_queue: %s\n", e.msg);
	return rc == 0 ? 0 : 1;
}
