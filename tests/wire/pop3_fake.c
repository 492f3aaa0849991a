#include "pop3_fake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/durable.h"

static const struct {
	const char *text;
	uint64_t octets, plain; /* plain: see downgrades() */
} messages[POP3_FAKE_MESSAGES] = {
	{ "Subject: dots\n\n.\n..two\nno .dot\n.end\n", 43, 0 },
	{ "Subject: three\r\nX-Two: 2\r\n\r\none\r\ntwo\r\nthree", 45, 0 },
	{ "Subject: Gr\xc3\xbc\xc3\x9f"
	  "e\n\nhallo\n",
	  28, 47 },
	{ "", 99, 0 },
	{ "Subject: Gr\xfc\xdf"
	  "e\n\nhall\xf6\n",
	  26, 0 },
};

void
pop3_fake_init(struct pop3_fake *f)
{
	*f = (struct pop3_fake){ .opens = 0 };
	buf_init(&f->events, 1 << 20);
}

void
pop3_fake_clear(struct pop3_fake *f)
{
	buf_free(&f->events);
}

/* Is message i sent in another form to this client? */
static bool
downgrades(const struct pop3_fake *f, uint32_t i)
{
	return f->international && !f->utf8 && messages[i].plain > 0;
}

static enum pop3_open_result
fake_open(void *ctx, const char *login, bool utf8, void **mailbox,
	  struct err *e)
{
	struct pop3_fake *f = ctx;

	if (strncmp(login, "busy@", 5) == 0)
		return POP3_IN_USE;
	if (strncmp(login, "broken@", 7) == 0) {
		(void)err_set(e, ERR_TEMP, EIO, "no such luck");
		return POP3_FAILED;
	}
	if (f->opens != f->closes)
		f->broken = "a second maildrop was opened";
	f->opens++;
	f->utf8 = utf8;
	f->empty = strncmp(login, "empty@", 6) == 0;
	f->international = strncmp(login, "utf8@", 5) == 0;
	f->readonly = strncmp(login, "readonly@", 9) == 0;
	(void)buf_addf(&f->events, "open %s\n", login);
	*mailbox = f;
	return POP3_OPENED;
}

static uint32_t
fake_count(void *mailbox)
{
	return ((struct pop3_fake *)mailbox)->empty ? 0 : POP3_FAKE_MESSAGES;
}

static void
check(struct pop3_fake *f, uint32_t i)
{
	if (i >= fake_count(f))
		f->broken = "a message that is not there was asked for";
	if (f->opens == f->closes)
		f->broken = "a closed maildrop was used";
}

static uint64_t
fake_octets(void *mailbox, uint32_t i)
{
	const struct pop3_fake *f = mailbox;

	check(mailbox, i);
	return downgrades(f, i) ? messages[i].plain : messages[i].octets;
}

static void
fake_uidl(void *mailbox, uint32_t i, char buf[POP3_SERVER_UIDL_SIZE])
{
	check(mailbox, i);
	(void)snprintf(buf, POP3_SERVER_UIDL_SIZE, "uidl-%u", (unsigned)i + 1);
}

static int
fake_read(void *mailbox, uint32_t i, struct pop3_text *text, struct err *e)
{
	const struct pop3_fake *f = mailbox;

	check(mailbox, i);
	if (messages[i].text[0] == '\0')
		return err_set(e, ERR_TEMP, ENOENT, "gone");
	int fd = memfd_create("message", MFD_CLOEXEC);
	if (fd < 0 || durable_write(fd, messages[i].text,
				    strlen(messages[i].text), e) != 0)
		abort();
	*text = (struct pop3_text){ fd, downgrades(f, i) };
	return 0;
}

static int
change(struct pop3_fake *f, const char *what, uint32_t i, struct err *e)
{
	check(f, i);
	if (f->readonly)
		return err_set(e, ERR_TEMP, EROFS, "%s", what);
	(void)buf_addf(&f->events, "%s %u\n", what, (unsigned)i + 1);
	return 0;
}

static int
fake_remove(void *mailbox, uint32_t i, struct err *e)
{
	return change(mailbox, "remove", i, e);
}

static int
fake_seen(void *mailbox, uint32_t i, struct err *e)
{
	return change(mailbox, "seen", i, e);
}

static int
fake_sync(void *mailbox, struct err *e)
{
	struct pop3_fake *f = mailbox;

	(void)e;
	(void)buf_add_str(&f->events, "sync\n");
	return 0;
}

static void
fake_close(void *mailbox)
{
	struct pop3_fake *f = mailbox;

	f->closes++;
	(void)buf_add_str(&f->events, "close\n");
}

const struct pop3_mailbox_ops pop3_fake_ops = {
	.open = fake_open,
	.count = fake_count,
	.octets = fake_octets,
	.uidl = fake_uidl,
	.read = fake_read,
	.remove = fake_remove,
	.seen = fake_seen,
	.sync = fake_sync,
	.close = fake_close,
};

/* ---- users and SASL, in place of the room auth ----------------------------
 */

struct sasl_exchange {
	char unused;
};

const char *
sasl_mechanisms(struct sasl *s, const struct sasl_channel *c,
		char buf[SASL_MECHANISMS_SIZE])
{
	(void)s;
	(void)c;
	(void)snprintf(buf, SASL_MECHANISMS_SIZE, "PLAIN LOGIN");
	return buf;
}

void
sasl_answer_init(struct sasl_answer *a)
{
	*a = (struct sasl_answer){ 0 };
	buf_init(&a->challenge, SASL_LINE_MAX);
}

void
sasl_answer_clear(struct sasl_answer *a)
{
	buf_free(&a->challenge);
}

static enum sasl_result
users_are_down(struct sasl_answer *a)
{
	(void)err_set(&a->err, ERR_TEMP, EIO, "users");
	return SASL_UNAVAILABLE;
}

enum sasl_result
sasl_password(struct sasl *s, const struct sasl_channel *c, struct span login,
	      struct span password, struct sasl_answer *a)
{
	(void)s;
	(void)c;
	if (span_eq(login, span_of("down")))
		return users_are_down(a);
	if (span_eq(login, span_of("many")))
		return SASL_LIMITED;
	if (!span_eq(password, span_of("secret")) ||
	    span_eq(login, span_of("nobody@xyz.com")))
		return SASL_REFUSED;
	return span_copy(login, a->user.address, sizeof(a->user.address)) == 0
		   ? SASL_OK
		   : SASL_REFUSED;
}

/* base64 of "\0bob@xyz.com\0secret", of "\0down\0x" and "\0many\0x" */
static const char right[] = "AGJvYkB4eXouY29tAHNlY3JldA==";
static const char down[] = "AGRvd24AeA==";
static const char many[] = "AG1hbnkAeA==";

static enum sasl_result
verdict(struct span response, struct sasl_answer *a)
{
	(void)snprintf(a->user.address, sizeof(a->user.address), "bob@xyz.com");
	if (span_eq(response, span_of(down)))
		return users_are_down(a);
	if (span_eq(response, span_of(many)))
		return SASL_LIMITED;
	if (response.n < 4 || response.n % 4 != 0)
		return SASL_MALFORMED;
	return span_eq(response, span_of(right)) ? SASL_OK : SASL_REFUSED;
}

enum sasl_result
sasl_start(struct sasl *s, const struct sasl_channel *c, struct span mechanism,
	   struct span initial, struct sasl_exchange **x, struct sasl_answer *a)
{
	(void)s;
	(void)c;
	if (!span_eq_nocase(mechanism, span_of("PLAIN")))
		return SASL_UNKNOWN;
	if (initial.p != NULL)
		return verdict(initial, a);
	*x = calloc(1, sizeof(**x));
	return *x == NULL ? SASL_UNAVAILABLE : SASL_CONTINUE;
}

enum sasl_result
sasl_step(struct sasl_exchange **x, struct span line, struct sasl_answer *a)
{
	sasl_cancel(x);
	return verdict(line, a);
}

void
sasl_cancel(struct sasl_exchange **x)
{
	free(*x);
	*x = NULL;
}
