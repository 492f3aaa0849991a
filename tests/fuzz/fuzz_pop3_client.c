/*
 * The input is what a POP3 server says: its first byte the capabilities, the
 * rest its answers to whatever the client asks, then the end of the
 * connection.  The client ends with an answer or an error of a kind its
 * contract names, and never believes a list that is not one.
 */
#include "fuzz.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pop3/pop3_client_private.h"

enum { ITEMS_MAX = 100, HEADER_BYTES = 4096 };

static const struct sasl_login bob = { .login = "bob", .password = "secret" };

static struct pop3_client *
connected(const uint8_t *data, size_t size)
{
	struct pop3_client *c = calloc(1, sizeof(*c));
	int fd[2];
	struct err e;

	FUZZ_CHECK(c != NULL);
	FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) == 0);
	if (size > 1)
		(void)send(fd[1], data + 1, size - 1,
			   MSG_DONTWAIT | MSG_NOSIGNAL);
	(void)close(fd[1]); /* what it would say after this is nothing */
	FUZZ_CHECK(stream_new(&c->s, fd[0], &e) == 0);
	c->command_timeout_ms = c->data_timeout_ms = 10000;
	c->caps = size > 0 ? data[0] : 0;
	c->caps_known = (c->caps & POP3_CAP_RESP_CODES) != 0;
	return c;
}

static void
check_error(const struct err *e)
{
	FUZZ_CHECK(e->class == ERR_PROTO || e->class == ERR_LIMIT ||
		   e->class == ERR_CLOSED || e->class == ERR_TEMP);
	FUZZ_CHECK(e->msg[0] != '\0');
}

static void
check_reply(const struct pop3_reply *r)
{
	FUZZ_CHECK(memchr(r->text, '\0', sizeof(r->text)) != NULL);
	for (const char *p = r->text; *p != '\0'; p++)
		FUZZ_CHECK((unsigned char)*p >= 0x20);
}

static int
take_header(void *ctx, uint32_t number, struct span header)
{
	(void)ctx;
	FUZZ_CHECK(number == 1 || number == 2);
	FUZZ_CHECK(header.n <= POP3_HEADER_MAX);
	return 0;
}

static int
take_piece(void *ctx, struct span bytes, struct err *e)
{
	size_t *total = ctx;

	(void)e;
	FUZZ_CHECK(bytes.n > 0);
	*total += bytes.n;
	return 0;
}

static int
ask_list(struct pop3_client *c, struct err *e)
{
	struct pop3_item *items;
	struct pop3_reply r;
	uint32_t n;

	if (pop3_client_list(c, ITEMS_MAX, &items, &n, &r, e) != 0) {
		FUZZ_CHECK(items == NULL);
		return -1;
	}
	check_reply(&r);
	FUZZ_CHECK(n <= ITEMS_MAX && (r.ok || n == 0));
	for (uint32_t i = 0; i < n; i++) {
		FUZZ_CHECK(items[i].number > 0);
		FUZZ_CHECK(i == 0 || items[i].number > items[i - 1].number);
		for (const char *p = items[i].uidl; *p != '\0'; p++)
			FUZZ_CHECK(*p > ' ' && *p < 0x7f);
	}
	free(items);
	return 0;
}

static int
ask_all(struct pop3_client *c, size_t size, struct err *e)
{
	static const uint32_t numbers[] = { 1, 2 };
	struct pop3_reply r;
	struct buf header;
	uint64_t bytes;
	size_t total = 0;
	uint32_t n;
	int rc = -1;

	buf_init(&header, HEADER_BYTES);
	if (pop3_client_login(c, &bob, &r, e) != 0)
		goto out;
	check_reply(&r);
	if (pop3_client_stat(c, &n, &bytes, &r, e) != 0 ||
	    ask_list(c, e) != 0 ||
	    pop3_client_tops(c, numbers, 2, take_header, NULL, e) != 0 ||
	    pop3_client_top(c, 1, 0, &header, &r, e) != 0 ||
	    pop3_client_retr(c, 1, take_piece, &total, &r, e) != 0)
		goto out;
	FUZZ_CHECK(header.n <= HEADER_BYTES && total <= size);
	rc = 0;
out:
	buf_free(&header);
	return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pop3_client *c;
	struct pop3_reply r;
	struct err e = { .msg = "" };

	if (size > 64 * 1024)
		return 0; /* more than the socket is sure to hold */
	c = connected(data, size);
	if (ask_all(c, size, &e) != 0)
		check_error(&e);
	else if (pop3_client_quit(&c, &r, &e) == 0)
		check_reply(&r);
	else
		check_error(&e);
	pop3_client_free(&c);
	return 0;
}
