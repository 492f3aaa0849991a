#include "sender/sender_private.h"

/* The service for users: submission over SMTP, with a login. */

void
sender_submission_options(const void *values, struct listener_options *l)
{
	const struct sender_options *o = values;

	listen_options_listener(&o->submission, l);
	l->free_from = o->xclient_from.v;
	l->n_free_from = o->xclient_from.n;
}

struct smtp_server_options
sender_submission_smtp(const struct sender *s)
{
	const struct sender_options *o = s->o;

	return (struct smtp_server_options){
		.hostname = s->hostname,
		.service = "submission",
		.sasl = s->sasl,
		.tls_required = o->tls_required,
		.auth_required = true,
		.auth_in_clear_text = o->clear_text,
		.dsn = true,
		.size_max_bytes = o->size_max,
		.xclient_from = &s->xclient_from,
		.require_tls = true,
		.future_release_max_s = o->future_release_max / 1000,
		.recipients_max = (int)o->recipients_max,
		.greet_pause_ms = o->greet_pause,
		.idle_timeout_ms = o->idle,
		.data_timeout_ms = o->data,
		.session_timeout_ms = o->session,
	};
}

int
sender_submission_open(void *server, struct tls_server *tls, void **engine,
		       struct err *e)
{
	struct sender *s = server;
	struct smtp_server_options smtp = sender_submission_smtp(s);
	struct smtp_server *made = NULL;

	smtp.tls = tls;
	if (smtp_server_new(&made, &smtp, milter_filter_ops(s->filter),
			    s->filter, e) != 0)
		return -1;
	*engine = made;
	return 0;
}

void
sender_submission_close(void *engine)
{
	struct smtp_server *s = engine;

	smtp_server_free(&s);
}
