#include "receiver/receiver_private.h"
#include "store/maildrop.h"

/* The service POP3: store/maildrop behind the interface of its engine. */

_Static_assert((int)POP3_SERVER_UIDL_SIZE == (int)MAILDIR_UIDL_SIZE,
	       "one UIDL size");
_Static_assert((int)POP3_SERVER_MESSAGES_MAX == (int)MAILDROP_MESSAGES_MAX,
	       "one bound");

static enum pop3_open_result
open_maildrop(void *ctx, const char *login, bool utf8, void **mailbox,
	      struct err *e)
{
	struct receiver *r = ctx;
	struct maildrop *d = NULL;

	switch (maildrop_open(&d, r->tree, login, utf8, e)) {
	case MAILDROP_OPEN:
		*mailbox = d;
		return POP3_OPENED;
	case MAILDROP_IN_USE:
		return POP3_IN_USE;
	case MAILDROP_FAILED:
		break;
	}
	return POP3_FAILED;
}

static uint32_t
count(void *mailbox)
{
	return maildrop_count(mailbox);
}

static uint64_t
octets(void *mailbox, uint32_t i)
{
	return maildrop_octets(mailbox, i);
}

static void
uidl(void *mailbox, uint32_t i, char buf[POP3_SERVER_UIDL_SIZE])
{
	maildrop_uidl(mailbox, i, buf);
}

static int
read_message(void *mailbox, uint32_t i, struct pop3_text *text, struct err *e)
{
	struct maildrop_text found;

	if (maildrop_read(mailbox, i, &found, e) != 0)
		return -1;
	*text = (struct pop3_text){ found.fd, found.downgrade };
	return 0;
}

static int
remove_message(void *mailbox, uint32_t i, struct err *e)
{
	return maildrop_remove(mailbox, i, e);
}

static int
mark_seen(void *mailbox, uint32_t i, struct err *e)
{
	return maildrop_seen(mailbox, i, e);
}

static int
sync_maildrop(void *mailbox, struct err *e)
{
	return maildrop_sync(mailbox, e);
}

static void
close_maildrop(void *mailbox)
{
	struct maildrop *d = mailbox;

	maildrop_close(&d);
}

static const struct pop3_mailbox_ops ops = {
	.open = open_maildrop,
	.count = count,
	.octets = octets,
	.uidl = uidl,
	.read = read_message,
	.remove = remove_message,
	.seen = mark_seen,
	.sync = sync_maildrop,
	.close = close_maildrop,
};

/* ---- the service ----------------------------------------------------------
 */

void
receiver_pop3_options(const void *values, struct listener_options *l)
{
	const struct receiver_options *o = values;

	listen_options_listener(&o->pop3, l);
}

int
receiver_pop3_open(void *server, struct tls_server *tls, void **engine,
		   struct err *e)
{
	struct receiver *r = server;
	const struct receiver_options *o = r->o;
	const struct pop3_server_options pop3 = {
		.hostname = r->hostname,
		.service = "pop3",
		.sasl = r->sasl,
		.tls = tls,
		.tls_required = o->pop3_tls_required,
		.auth_in_clear_text = o->pop3_clear_text,
		.idle_timeout_ms = o->pop3_idle,
		.session_timeout_ms = o->pop3_session,
	};
	struct pop3_server *made = NULL;

	if (pop3_server_new(&made, &pop3, &ops, r, e) != 0)
		return -1;
	*engine = made;
	return 0;
}

void
receiver_pop3_close(void *engine)
{
	struct pop3_server *s = engine;

	pop3_server_free(&s);
}
