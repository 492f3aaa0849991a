#include "sender/dane.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	USAGE_DANE_TA = 2,
	USAGE_DANE_EE = 3,
	SELECTOR_MAX = 1, /* whole certificate, public key */
	MATCHING_MAX = 2, /* as it is, SHA-256, SHA-512 */
};

void
dane_clear(struct dane *d)
{
	free(d->answer);
	*d = (struct dane){ 0 };
}

/* RFC 7672 3.1.3: usages 0 and 1 make no sense between mail servers. */
static bool
is_usable(const struct dns_tlsa *t)
{
	return (t->usage == USAGE_DANE_TA || t->usage == USAGE_DANE_EE) &&
	       t->selector <= SELECTOR_MAX && t->matching <= MATCHING_MAX;
}

void
dane_take(struct dane *d, const struct dns_answer *a)
{
	struct dns_tlsa t;

	if (a->status == DNS_FAILED) {
		d->kind = DANE_UNKNOWN;
		memcpy(d->why, a->why, sizeof(d->why));
		return;
	}
	if (a->security != DNS_SECURE || a->n == 0)
		return;
	d->kind = DANE_UNUSABLE;
	for (unsigned i = 0; i < a->n; i++) {
		if (dns_rdata_tlsa(a->rdata[i], &t) != 0 || !is_usable(&t))
			continue;
		d->kind = DANE_USABLE;
		d->tlsa[d->n++] = (struct tls_tlsa){ .usage = t.usage,
						     .selector = t.selector,
						     .matching = t.matching,
						     .data = t.data };
	}
}

static int
look_up(struct dane *d, struct dns *dns, const char *name, uint16_t port,
	int64_t deadline_ms, const struct wake *stop, struct err *e)
{
	char question[DNS_NAME_SIZE + 24];

	(void)snprintf(question, sizeof(question), "_%u._tcp.%s",
		       (unsigned)port, name);
	if (dns_ask(dns, question, DNS_TLSA, deadline_ms, stop, &d->answer,
		    e) != 0) {
		if (e->class == ERR_STOP)
			return -1;
		d->kind = DANE_UNKNOWN;
		(void)snprintf(d->why, sizeof(d->why), "%.*s",
			       (int)sizeof(d->why) - 1, e->msg);
		return 0;
	}
	(void)snprintf(d->base, sizeof(d->base), "%s", name);
	dane_take(d, d->answer);
	if (d->kind == DANE_NONE)
		dane_clear(d);
	return 0;
}

int
dane_find(struct dane *d, struct dns *dns, const struct dane_host *host,
	  int64_t deadline_ms, const struct wake *stop, struct err *e)
{
	*d = (struct dane){ 0 };
	if (host->canonical[0] != '\0' &&
	    strcmp(host->canonical, host->name) != 0 &&
	    look_up(d, dns, host->canonical, host->port, deadline_ms, stop,
		    e) != 0)
		return -1;
	if (d->kind != DANE_NONE)
		return 0;
	return look_up(d, dns, host->name, host->port, deadline_ms, stop, e);
}
