#include "sender/reach.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "sender/reach_private.h"

enum { HOST_TAKES_NO_MAIL = 521 }; /* RFC 7504 */

int
reach_failed(struct reach_try *t, int code, const char *enhanced)
{
	if (t->code == 0) {
		t->code = code;
		(void)snprintf(t->enhanced, sizeof(t->enhanced), "%s",
			       enhanced);
	}
	return -1;
}

void
reach_remark(const struct reach_try *t, const char *fmt, ...)
{
	char text[300];
	va_list ap;

	if (t->trace == NULL)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	t->trace(t->trace_ctx, '=', span_of(text));
}

/* ---- one connection -----------------------------------------------------
 */

static void
name_peer(const struct reach_target *to, struct reach_try *t)
{
	const char *name = to->name[0] != '\0' ? to->name : to->host;

	if (to->path != NULL)
		(void)snprintf(t->peer, sizeof(t->peer), "localhost");
	else
		(void)snprintf(t->peer, sizeof(t->peer),
			       strchr(name, ':') != NULL ? "[%s]:%u" : "%s:%u",
			       name, (unsigned)to->port);
}

static bool
is_address(const char *host)
{
	return strchr(host, ':') != NULL ||
	       host[strspn(host, "0123456789.")] == '\0';
}

/* The words of a failure that was about TLS. */
static int
explain(const struct reach_target *to, const struct reach_demand *d,
	const struct tls_outcome *o, struct reach_try *t, bool *hopeless,
	struct err *e)
{
	switch (o->step) {
	case TLS_STEP_NONE:
	case TLS_STEP_ON:
		return -1; /* it was about something else */
	case TLS_STEP_NOT_OFFERED:
		/* RFC 8689 4.2.1; but where there should be TLS, somebody may
		 * be in between. */
		*hopeless = t->need == SPOOL_TLS_REQUIRED && !d->promised;
		if (*hopeless) {
			e->class = ERR_PERM;
			(void)reach_failed(t, 550, "5.7.10");
		}
		(void)reach_failed(t, 451, "4.7.4");
		break;
	case TLS_STEP_REFUSED:
		(void)reach_failed(t, 451, "4.7.4");
		break;
	case TLS_STEP_FAILED:
	case TLS_STEP_UNACCEPTABLE:
		(void)reach_failed(t, 451, "4.7.5");
		break;
	}
	(void)err_prefix(e, "TLS demanded by %s", d->by);
	if (!d->remembered)
		return -1;
	struct log_line l;
	log_begin(&l, LOG_WARN, "tls-downgrade");
	log_str(&l, "destination", to->memory);
	log_str(&l, "peer", t->peer);
	log_err(&l, e);
	log_end(&l);
	return -1;
}

static int
dial(const struct reach *r, const struct reach_target *to,
     const struct reach_demand *d, struct reach_try *t, struct smtp_client **c,
     struct tls_outcome *outcome, struct smtp_reply *reply, struct err *e)
{
	const char *name = d->n_names > 0 ? d->names[0] : NULL;
	struct tls_peer peer = {
		.check = d->check,
		.sni = name == NULL || is_address(name) ? NULL : name,
		.names = d->names,
		.n_names = d->n_names,
		.tlsa = d->dane.tlsa,
		.n_tlsa = d->dane.n,
	};
	struct smtp_client_options o = {
		.host = to->host,
		.port = to->port,
		.path = to->path,
		.lmtp = to->lmtp,
		.helo = r->helo,
		.connect_timeout_ms = t->connect_timeout_ms,
		.command_timeout_ms = t->command_timeout_ms,
		.greeting_timeout_ms =
		    r->greeting_timeout_ms < t->command_timeout_ms
			? r->greeting_timeout_ms
			: t->command_timeout_ms,
		.data_timeout_ms = t->data_timeout_ms,
		.final_timeout_ms = t->final_timeout_ms,
		.stop = r->stop,
		.trace = t->trace,
		.trace_ctx = t->trace_ctx,
		.tls = r->tls == NULL ? SMTP_TLS_NONE : d->tls,
		.tls_client = r->tls,
		.tls_peer = &peer,
		.tls_outcome = outcome,
	};

	*outcome = (struct tls_outcome){ .step = TLS_STEP_NONE };
	return smtp_client_open(c, &o, reply, e);
}

static void
remember(const struct reach *r, const struct reach_target *to,
	 const struct tls_outcome *o)
{
	if (r->memory == NULL || to->memory[0] == '\0' ||
	    o->step != TLS_STEP_ON)
		return;
	tls_memory_note(r->memory, to->memory,
			o->verified ? TLS_LEVEL_VERIFIED : TLS_LEVEL_ENCRYPTED);
}

int
reach_connect(const struct reach *r, const struct reach_target *to,
	      const struct reach_demand *d, struct reach_try *t,
	      struct smtp_client **c, bool *hopeless, struct err *e)
{
	struct reach_demand clear = { .tls = SMTP_TLS_NONE };
	struct tls_outcome outcome;
	struct smtp_reply reply;
	char text[400];

	*hopeless = false;
	name_peer(to, t);
	int rc = dial(r, to, d, t, c, &outcome, &reply, e);
	if (rc != 0 && d->tls == SMTP_TLS_MAY &&
	    outcome.step == TLS_STEP_FAILED && e->class != ERR_STOP) {
		/* RFC 7435: rather in the clear than not at all, to one that
		 * never could better. */
		reach_remark(t, "TLS failed (%s): once more without", e->msg);
		rc = dial(r, to, &clear, t, c, &outcome, &reply, e);
	}
	if (rc != 0)
		return e->class == ERR_STOP
			   ? -1
			   : explain(to, d, &outcome, t, hopeless, e);
	if (*c != NULL) {
		remember(r, to, &outcome);
		return 0;
	}
	/* A greeting of 554 is about the host and today (RFC 5321 3.1). */
	*hopeless = reply.code == HOST_TAKES_NO_MAIL;
	reply_one_line(&reply, text, sizeof(text));
	return err_set(e, ERR_TEMP, 0, "%s refuses the session: %s", t->peer,
		       text);
}

/* ---- one server ---------------------------------------------------------
 */

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
	(void)reach_failed(t, 454, "4.7.0");
	return err_set(e, ERR_TEMP, 0, "%s refuses our login: %s", t->peer,
		       text);
}

void
reach_memory_name(const struct route *way, char name[TLS_MEMORY_NAME_SIZE])
{
	name[0] = '\0';
	if (way->kind == ROUTE_HOST)
		(void)snprintf(name, TLS_MEMORY_NAME_SIZE, "%s:%u", way->host,
			       (unsigned)way->port);
	else if (way->kind == ROUTE_MX)
		(void)snprintf(name, TLS_MEMORY_NAME_SIZE, "%s", way->host);
}

/* tls=dane, for a server that the configuration names. */
static int
ask_dane(const struct reach *r, const struct route *way,
	 const struct reach_target *to, struct reach_demand *d,
	 struct reach_try *t, struct err *e)
{
	int64_t deadline_ms = clock_mono_ms() + t->connect_timeout_ms;

	if (way->tls != ROUTE_TLS_DANE)
		return 0;
	if (r->dns != NULL &&
	    reach_demand_dane(r, to, "", deadline_ms, d, t, e) != 0)
		return -1;
	return reach_demand_level(way, d, t, e);
}

static int
open_server(const struct reach *r, const struct route *way, struct reach_try *t,
	    struct smtp_client **c, struct err *e)
{
	struct reach_target to = {
		.host = way->host,
		.name = way->host,
		.port = way->port,
		.path = way->kind == ROUTE_LOCAL ? way->path : NULL,
		.lmtp = way->lmtp,
	};
	struct reach_demand d;
	bool hopeless;

	reach_memory_name(way, to.memory);
	reach_demand_route(way, t, &to, &d);
	int rc = ask_dane(r, way, &to, &d, t, e);
	reach_demand_memory(r, t, &to, &d);
	if (rc == 0)
		rc = reach_connect(r, &to, &d, t, c, &hopeless, e);
	dane_clear(&d.dane);
	if (rc != 0 || way->auth[0] == '\0' || log_in(r, way, t, *c, e) == 0)
		return rc;
	smtp_client_close(c, e->class == ERR_TEMP);
	return -1;
}

int
reach_open(const struct reach *r, const struct route *way, struct reach_try *t,
	   struct smtp_client **c, struct err *e)
{
	*c = NULL;
	t->code = 0;
	int rc = way->kind == ROUTE_MX ? reach_mx(r, way, t, c, e)
				       : open_server(r, way, t, c, e);
	return rc == 0 ? 0 : reach_failed(t, 451, "4.4.1");
}
