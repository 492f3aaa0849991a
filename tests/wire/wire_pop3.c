#include <stdlib.h>

#include "pop3_fake.h"
#include "tests/unit/net/issue.h"
#include "wire.h"

/*
 * The POP3 engine with maildrops in memory behind it.  Claims in a transcript:
 *   mailbox: PATTERN   the next thing the maildrop was asked to do
 *   mailbox: none      nothing more
 */
struct service {
	struct pop3_server_options o;
	struct pop3_server *server;
	struct pop3_fake fake;
	bool remote;
	size_t event_at;
};

static void *
service_open(void)
{
	struct service *s = calloc(1, sizeof(*s));

	if (s == NULL)
		abort();
	s->o = (struct pop3_server_options){
		.hostname = "mx.test",
		.service = "pop3",
		.idle_timeout_ms = 20000,
		.session_timeout_ms = 60000,
	};
	pop3_fake_init(&s->fake);
	return s;
}

static void
service_close(void *service)
{
	struct service *s = service;

	pop3_server_free(&s->server);
	tls_server_free(&s->o.tls);
	pop3_fake_clear(&s->fake);
	free(s);
}

static int
set(void *service, struct span key, struct span value)
{
	struct service *s = service;
	uint64_t n = 0;

	if (span_u64(value, &n) != 0 || n > INT32_MAX)
		return -1;
	if (span_eq(key, span_of("clear-text")))
		s->o.auth_in_clear_text = n != 0;
	else if (span_eq(key, span_of("tls")))
		s->o.tls = n != 0 ? issue_server("pop3") : NULL;
	else if (span_eq(key, span_of("tls-required")))
		s->o.tls_required = n != 0;
	else if (span_eq(key, span_of("remote")))
		s->remote = n != 0;
	else if (span_eq(key, span_of("idle-ms")))
		s->o.idle_timeout_ms = (int64_t)n;
	else if (span_eq(key, span_of("session-ms")))
		s->o.session_timeout_ms = (int64_t)n;
	else
		return -1;
	return 0;
}

static void
client(void *service, struct listener_client *c)
{
	struct service *s = service;
	struct err e;

	if (s->remote)
		wire_make_remote(c);
	if (pop3_server_new(&s->server, &s->o, &pop3_fake_ops, &s->fake, &e) !=
	    0)
		abort();
}

static void
serve(void *service, const struct listener_client *c)
{
	pop3_server_session(((struct service *)service)->server, c);
}

/* Several lines are matched one by one with '<'. */
static bool
last_line(struct span line)
{
	(void)line;
	return true;
}

static int
check(void *service, struct span key, struct span want, struct err *e)
{
	struct service *s = service;

	if (!span_eq(key, span_of("mailbox")))
		return err_set(e, ERR_BUG, 0, "unknown claim");
	return wire_next_is(buf_span(&s->fake.events), &s->event_at, want, e);
}

/* What the engine promises a maildrop, in every transcript. */
static int
final(void *service, struct err *e)
{
	const struct pop3_fake *f = &((struct service *)service)->fake;

	if (f->broken != NULL)
		return err_set(e, ERR_BUG, 0, "%s", f->broken);
	if (f->opens != f->closes)
		return err_set(e, ERR_BUG, 0, "%d opened, but %d closed",
			       f->opens, f->closes);
	return 0;
}

int
main(int argc, char **argv)
{
	const struct wire_protocol p = {
		.last_line = last_line,
		.open = service_open,
		.close = service_close,
		.set = set,
		.client = client,
		.serve = serve,
		.check = check,
		.final = final,
	};

	return wire_main(&p, "tests/wire/pop3", argc, argv);
}
