/*
 * What a connection must be.  The route's level is the least; DANE, MTA-STS,
 * the memory of what a destination could before and REQUIRETLS only ever ask
 * for more.  "TLS-Required: No" (RFC 8689 4.2.2) takes back what was not the
 * route's own demand.
 */
#include <string.h>

#include "sender/reach_private.h"

static void
demand_more(struct reach_demand *d, enum tls_check check, const char *by)
{
	d->tls = SMTP_TLS_MUST;
	d->by = by;
	if (d->check == TLS_CHECK_NONE || check == TLS_CHECK_DANE)
		d->check = check;
}

void
reach_demand_route(const struct route *way, const struct reach_try *t,
		   const struct reach_target *to, struct reach_demand *d)
{
	*d = (struct reach_demand){ .tls = SMTP_TLS_MAY,
				    .check = TLS_CHECK_NONE,
				    .by = "the route" };
	if (to->name[0] != '\0')
		d->names[d->n_names++] = to->name;
	switch (way->tls) {
	case ROUTE_TLS_NONE:
		d->tls = SMTP_TLS_NONE;
		break;
	case ROUTE_TLS_MAY:
		break;
	case ROUTE_TLS_REQUIRE:
	case ROUTE_TLS_DANE: /* see reach_demand_level */
		d->tls = SMTP_TLS_MUST;
		break;
	case ROUTE_TLS_VERIFY:
		demand_more(d, TLS_CHECK_NAME, d->by);
		break;
	}
	d->promised = d->tls == SMTP_TLS_MUST;
	if (t->need == SPOOL_TLS_REQUIRED)
		demand_more(d, TLS_CHECK_NAME, "REQUIRETLS");
}

int
reach_demand_dane(const struct reach *r, const struct reach_target *to,
		  const char *canonical, int64_t deadline_ms,
		  struct reach_demand *d, struct reach_try *t, struct err *e)
{
	const struct dane_host host = { .name = to->name,
					.canonical = canonical,
					.port = to->port };

	if (d->tls == SMTP_TLS_NONE || to->name[0] == '\0')
		return 0;
	if (dane_find(&d->dane, r->dns, &host, deadline_ms, r->stop, e) != 0)
		return -1;
	d->promised |=
	    d->dane.kind == DANE_USABLE || d->dane.kind == DANE_UNUSABLE;
	switch (d->dane.kind) {
	case DANE_NONE:
		return 0;
	case DANE_USABLE:
		demand_more(d, TLS_CHECK_DANE, "DANE");
		/* RFC 7672 3.2.2: the records' owner, which SNI asks for (8.1),
		 * and the name that led to it. */
		d->names[0] = d->dane.base;
		d->n_names = 1;
		if (strcmp(d->dane.base, to->name) != 0)
			d->names[d->n_names++] = to->name;
		return 0;
	case DANE_UNUSABLE:
		demand_more(d, TLS_CHECK_NONE, "DANE");
		return 0;
	case DANE_UNKNOWN:
		break;
	}
	(void)reach_failed(t, 451, "4.4.3");
	return err_set(e, ERR_TEMP, 0, "%s: TLSA records: %s", to->name,
		       d->dane.why);
}

int
reach_demand_level(const struct route *way, const struct reach_demand *d,
		   struct reach_try *t, struct err *e)
{
	if (way->tls != ROUTE_TLS_DANE || d->check == TLS_CHECK_DANE)
		return 0;
	(void)reach_failed(t, 451, "4.7.5");
	return err_set(e, ERR_TEMP, 0,
		       "%s: tls=dane, but DNSSEC vouches for no certificate",
		       d->n_names > 0 ? d->names[0] : "the server");
}

void
reach_demand_memory(const struct reach *r, const struct reach_try *t,
		    const struct reach_target *to, struct reach_demand *d)
{
	if (r->memory == NULL || to->memory[0] == '\0' ||
	    d->tls == SMTP_TLS_NONE || t->need == SPOOL_TLS_OPTIONAL)
		return;
	enum tls_level level = tls_memory_get(r->memory, to->memory);
	d->promised |= level != TLS_LEVEL_CLEAR;
	switch (level) {
	case TLS_LEVEL_CLEAR:
		return;
	case TLS_LEVEL_ENCRYPTED:
		if (d->tls != SMTP_TLS_MAY)
			return;
		demand_more(d, TLS_CHECK_NONE, "what it could before");
		break;
	case TLS_LEVEL_VERIFIED:
		if (d->check != TLS_CHECK_NONE)
			return;
		demand_more(d, TLS_CHECK_NAME, "what it could before");
		break;
	}
	d->remembered = true;
}
