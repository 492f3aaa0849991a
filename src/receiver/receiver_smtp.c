#include "receiver/receiver_private.h"

/* The services that bring mail: SMTP for everybody, LMTP for mail servers of
 * this machine. */

void
receiver_smtp_options(const void *values, struct listener_options *l)
{
	const struct receiver_options *o = values;

	listen_options_listener(&o->smtp, l);
	l->free_from = o->smtp_xclient_from.v;
	l->n_free_from = o->smtp_xclient_from.n;
	l->exempt_from = o->limit_exempt.v;
	l->n_exempt_from = o->limit_exempt.n;
}

/* One mail server may have many connections: no cap for an address. */
void
receiver_lmtp_options(const void *values, struct listener_options *l)
{
	const struct receiver_options *o = values;

	listen_options_listener(&o->lmtp, l);
}

/* What both have in common. */
static struct smtp_server_options
smtp_common(const struct receiver *r, struct tls_server *tls)
{
	const struct receiver_options *o = r->o;

	return (struct smtp_server_options){
		.hostname = r->hostname,
		.tls = tls,
		.size_max_bytes = o->smtp_size_max,
		.recipients_max = (int)o->smtp_recipients_max,
		.greet_at_once = receiver_limits_exempt(r->limits),
		.idle_timeout_ms = o->smtp_idle,
		.data_timeout_ms = o->smtp_data,
		.session_timeout_ms = o->smtp_session,
		.delivery_ids = o->smtp_delivery_ids,
		.delivery_ids_from = &r->delivery_ids_from,
		.xclient_from = &r->xclient_from,
		.require_tls = true, /* it goes no further */
	};
}

int
receiver_smtp_open(void *server, struct tls_server *tls, void **engine,
		   struct err *e)
{
	struct receiver *r = server;
	const char *name = r->o->authserv_id;
	struct smtp_server_options smtp = smtp_common(r, tls);
	struct smtp_server *made = NULL;

	smtp.service = "smtp";
	smtp.authserv_id = name != NULL && name[0] != '\0' ? name : r->hostname;
	smtp.greet_pause_ms = r->o->smtp_greet_pause;
	if (smtp_server_new(&made, &smtp, milter_filter_ops(r->filter),
			    r->filter, e) != 0)
		return -1;
	*engine = made;
	return 0;
}

/* Who delivers by LMTP has checked the message for us, and is no stranger to be
 * kept waiting. */
int
receiver_lmtp_open(void *server, struct tls_server *tls, void **engine,
		   struct err *e)
{
	struct receiver *r = server;
	struct smtp_server_options lmtp = smtp_common(r, tls);
	struct smtp_server *made = NULL;

	lmtp.service = "lmtp";
	lmtp.lmtp = true;
	if (smtp_server_new(&made, &lmtp, receiver_policy_ops(), r, e) != 0)
		return -1;
	*engine = made;
	return 0;
}

void
receiver_smtp_close(void *engine)
{
	struct smtp_server *s = engine;

	smtp_server_free(&s);
}
