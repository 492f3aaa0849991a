#include <stdlib.h>

#include "net/network.h"
#include "smtp_recorder.h"
#include "tests/unit/net/issue.h"
#include "wire.h"

/*
 * The SMTP engine with the recorder behind it.  Claims in a transcript:
 *   policy: PATTERN    the next thing the policy was asked
 *   policy: none       nothing more
 *   message: TEXT      the next stored message, byte for byte
 *   size: N            the same, only its size
 *   stored: N          how many messages were stored
 */
struct service {
	struct smtp_server_options o;
	struct smtp_server *server;
	struct smtp_recorder recorder;
	bool remote, queue;
	size_t event_at, message_at;
};

static void *
service_open(void)
{
	struct service *s = calloc(1, sizeof(*s));

	if (s == NULL)
		abort();
	s->o = (struct smtp_server_options){
		.hostname = "mx.test",
		.service = "smtp",
		.size_max_bytes = 1000000,
		.idle_timeout_ms = 20000,
	};
	smtp_recorder_init(&s->recorder);
	return s;
}

static void
service_close(void *service)
{
	struct service *s = service;

	smtp_server_free(&s->server);
	tls_server_free(&s->o.tls);
	smtp_recorder_clear(&s->recorder);
	free(s);
}

/* Everybody on the loopback interface. */
static const struct network_list *
xclient_from(void)
{
	static struct network one = { .bytes = { [10] = 0xff, 0xff, 127 },
				      .bits = 104 };
	static const struct network_list list = { &one, 1 };

	return &list;
}

static int
set(void *service, struct span key, struct span value)
{
	struct service *s = service;
	uint64_t n = 0;

	if (span_u64(value, &n) != 0 || n > INT32_MAX)
		return -1;
	if (span_eq(key, span_of("auth")))
		s->o.sasl = n != 0 ? smtp_recorder_sasl() : NULL;
	else if (span_eq(key, span_of("auth-required")))
		s->o.auth_required = n != 0;
	else if (span_eq(key, span_of("clear-text")))
		s->o.auth_in_clear_text = n != 0;
	else if (span_eq(key, span_of("tls")))
		s->o.tls = n != 0 ? issue_server("smtp") : NULL;
	else if (span_eq(key, span_of("tls-required")))
		s->o.tls_required = n != 0;
	else if (span_eq(key, span_of("dsn")))
		s->o.dsn = n != 0;
	else if (span_eq(key, span_of("delivery-ids")))
		s->o.delivery_ids = n != 0;
	else if (span_eq(key, span_of("authserv-id")))
		s->o.authserv_id = n != 0 ? "mx.test" : NULL;
	else if (span_eq(key, span_of("lmtp")))
		s->o.lmtp = n != 0;
	else if (span_eq(key, span_of("connect-code")))
		s->recorder.connect_code = (int)n;
	else if (span_eq(key, span_of("future-release")))
		s->o.future_release_max_s = (int64_t)n;
	else if (span_eq(key, span_of("xclient")))
		s->o.xclient_from = n != 0 ? xclient_from() : NULL;
	else if (span_eq(key, span_of("require-tls")))
		s->o.require_tls = n != 0;
	else if (span_eq(key, span_of("queue")))
		s->queue = n != 0;
	else if (span_eq(key, span_of("remote")))
		s->remote = n != 0;
	else if (span_eq(key, span_of("size-max")))
		s->o.size_max_bytes = (int64_t)n;
	else if (span_eq(key, span_of("recipients-max")))
		s->o.recipients_max = (int)n;
	else if (span_eq(key, span_of("errors-max")))
		s->o.errors_max = (int)n;
	else if (span_eq(key, span_of("greet-pause-ms")))
		s->o.greet_pause_ms = (int64_t)n;
	else if (span_eq(key, span_of("idle-ms")))
		s->o.idle_timeout_ms = (int64_t)n;
	else if (span_eq(key, span_of("data-ms")))
		s->o.data_timeout_ms = (int64_t)n;
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
	struct smtp_server_ops ops = smtp_recorder_ops;
	struct err e;

	if (s->remote)
		wire_make_remote(c);
	if (!s->queue)
		ops.on_queue = NULL;
	if (smtp_server_new(&s->server, &s->o, &ops, &s->recorder, &e) != 0)
		abort();
}

static void
serve(void *service, const struct listener_client *c)
{
	struct service *s = service;

	smtp_server_session(s->server, c);
}

static bool
last_line(struct span line)
{
	return line.n < 4 || line.p[3] != '-';
}

static int
next_message(struct service *s, struct span *text, struct err *e)
{
	struct span rest =
	    span_skip(buf_span(&s->recorder.messages), s->message_at);
	long lf = span_find(rest, '\n', 0);
	uint64_t n = 0;

	if (lf < 0 || span_u64(span_head(rest, (size_t)lf), &n) != 0)
		return err_set(e, ERR_PROTO, 0, "no message more");
	*text = span_make(rest.p + lf + 1, n);
	s->message_at += (size_t)lf + 1 + n;
	return 0;
}

static int
check(void *service, struct span key, struct span value, struct err *e)
{
	struct service *s = service;
	struct span text;
	uint64_t n = 0;

	if (span_eq(key, span_of("policy")))
		return wire_next_is(buf_span(&s->recorder.events), &s->event_at,
				    value, e);
	if (span_eq(key, span_of("message"))) {
		if (next_message(s, &text, e) != 0)
			return -1;
		return span_eq(text, value)
			   ? 0
			   : err_set(e, ERR_PROTO, 0, "stored \"%.*s\"",
				     SPAN_ARG(text));
	}
	if (span_u64(value, &n) != 0)
		return err_set(e, ERR_BUG, 0, "unknown claim");
	if (span_eq(key, span_of("size"))) {
		if (next_message(s, &text, e) != 0)
			return -1;
		return text.n == n
			   ? 0
			   : err_set(e, ERR_PROTO, 0, "has %zu bytes", text.n);
	}
	if (span_eq(key, span_of("stored")))
		return s->recorder.stored == (int)n
			   ? 0
			   : err_set(e, ERR_PROTO, 0, "were %d",
				     s->recorder.stored);
	return err_set(e, ERR_BUG, 0, "unknown claim");
}

/* What the engine promises a policy, in every transcript. */
static int
final(void *service, struct err *e)
{
	const struct smtp_recorder *r = &((struct service *)service)->recorder;

	if (r->broken != NULL)
		return err_set(e, ERR_BUG, 0, "%s", r->broken);
	if (r->open || r->mails != r->resets)
		return err_set(e, ERR_BUG, 0, "%d on_mail, but %d on_reset",
			       r->mails, r->resets);
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

	return wire_main(&p, "tests/wire/smtp", argc, argv);
}
