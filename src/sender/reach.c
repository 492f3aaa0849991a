#include "sender/reach.h"

#include <stdio.h>
#include <string.h>

#include "sender/route.h"

/* The reply that tells a failure, unless something closer has set one. */
static int
failed(struct reach_try *t, int code, const char *enhanced)
{
	if (t->code == 0) {
		t->code = code;
		(void)snprintf(t->enhanced, sizeof(t->enhanced), "%s",
			       enhanced);
	}
	return -1;
}

static int
log_in(const struct reach *r, const struct route *way, struct reach_try *t,
       struct smtp_client *c, struct err *e)
{
	struct credential login;
	struct smtp_reply reply;
	char text[400];

	if (routes_credentials(r->routes, way->auth, &login, e) != 0)
		return -1;
	struct sasl_login l = { .login = login.login,
				.password = login.password };
	int rc = smtp_client_auth(c, &l, &reply, e);
	credential_clear(&login);
	if (rc != 0)
		return -1;
	if (reply.code == 235)
		return 0;
	/* Our configuration is at fault, or theirs; neither makes a message
	 * undeliverable for good. */
	reply_one_line(&reply, text, sizeof(text));
	(void)failed(t, 454, "4.7.0");
	return err_set(e, ERR_TEMP, 0, "%s refuses our login: %s", t->peer,
		       text);
}

static void
name_peer(const struct route *way, struct reach_try *t)
{
	if (way->kind == ROUTE_LOCAL)
		(void)snprintf(t->peer, sizeof(t->peer), "localhost");
	else
		(void)snprintf(t->peer, sizeof(t->peer),
			       strchr(way->host, ':') != NULL ? "[%s]:%u"
							      : "%s:%u",
			       way->host, (unsigned)way->port);
}

static int
open_server(const struct reach *r, const struct route *way, struct reach_try *t,
	    struct smtp_client **c, struct err *e)
{
	struct smtp_client_options o = {
		.host = way->host,
		.port = way->port,
		.path = way->kind == ROUTE_LOCAL ? way->path : NULL,
		.lmtp = way->lmtp,
		.helo = r->helo,
		.connect_timeout_ms = t->connect_timeout_ms,
		.command_timeout_ms = t->command_timeout_ms,
		.data_timeout_ms = t->data_timeout_ms,
		.stop = r->stop,
		.trace = t->trace,
		.trace_ctx = t->trace_ctx,
	};
	struct smtp_reply reply;
	char text[400];

	name_peer(way, t);
	if (smtp_client_open(c, &o, &reply, e) != 0)
		return -1;
	if (*c == NULL) {
		/* A greeting of 554 is about the host and today (RFC 5321 3.1).
		 */
		reply_one_line(&reply, text, sizeof(text));
		return err_set(e, ERR_TEMP, 0, "%s refuses the session: %s",
			       t->peer, text);
	}
	if (way->auth[0] == '\0' || log_in(r, way, t, *c, e) == 0)
		return 0;
	smtp_client_close(c, e->class == ERR_TEMP);
	return -1;
}

int
reach_open(const struct reach *r, const char *key, struct reach_try *t,
	   struct smtp_client **c, struct err *e)
{
	struct route way;

	*c = NULL;
	t->code = 0;
	if (route_parse(span_of(key), &way, e) != 0 ||
	    open_server(r, &way, t, c, e) != 0)
		return failed(t, 451, "4.4.1");
	return 0;
}
