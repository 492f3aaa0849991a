/*
 * By MX records: every server in its order, every address of it in turn, until
 * one takes the session (RFC 5321 5.1).  What a message hears in the end is
 * that of the last failure that may pass; only when none of them may is it
 * refused for good.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "sender/reach_private.h"

/* One search for a server. */
struct search {
	const struct reach *r;
	const struct route *way;
	struct reach_try *t;
	int64_t deadline_ms;
	int64_t connect_timeout_ms; /* as configured; t's is cut */
	const struct mx_list *list;
	const struct sts_policy *sts; /* NULL: none */
	unsigned tried, hopeless;
	char never[REPLY_ENHANCED_SIZE]; /* of the last hopeless one */
	/* the last failure that may pass */
	bool may_pass;
	int code;
	char enhanced[REPLY_ENHANCED_SIZE];
	struct err why;
};

static void
note_failure(struct search *s, const struct err *e)
{
	(void)reach_failed(s->t, 451, "4.4.1");
	s->may_pass = true;
	s->why = *e;
	s->code = s->t->code;
	memcpy(s->enhanced, s->t->enhanced, sizeof(s->enhanced));
	reach_remark(s->t, "%s", e->msg);
}

/* ---- what the connection must be ----------------------------------------
 */

/* RFC 8461 4: in mode testing a failure is only told. */
static int
demand_sts(struct search *s, const struct mx_host *h, struct reach_demand *d,
	   struct err *e)
{
	const struct sts_policy *p = s->sts;

	if (p == NULL || p->mode == STS_NONE || d->tls == SMTP_TLS_NONE)
		return 0;
	bool matches = sts_policy_matches(p, h->name);
	if (p->mode == STS_TESTING) {
		if (!matches)
			reach_remark(s->t, "MTA-STS (testing) does not know %s",
				     h->name);
		return 0;
	}
	d->tls = SMTP_TLS_MUST;
	d->check = TLS_CHECK_NAME;
	d->by = "MTA-STS";
	d->promised = true;
	if (matches)
		return 0;
	(void)reach_failed(s->t, 451, "4.7.5");
	return err_set(e, ERR_TEMP, 0,
		       "the MTA-STS policy of %s does not name %s",
		       s->way->host, h->name);
}

/*
 * RFC 8689 4.2.1: REQUIRETLS wants to know that this is the right server at
 * all: from the policy, or from signed records.
 */
static int
demand_required(const struct search *s, const struct mx_host *h,
		const struct reach_demand *d, struct err *e)
{
	bool sure = s->list->secure || d->check == TLS_CHECK_DANE ||
		    (s->sts != NULL && s->sts->mode == STS_ENFORCE);

	if (s->t->need != SPOOL_TLS_REQUIRED || sure)
		return 0;
	(void)reach_failed(s->t, 451, "4.7.5");
	return err_set(e, ERR_TEMP, 0,
		       "REQUIRETLS: neither DNSSEC nor MTA-STS vouches for %s",
		       h->name);
}

/* DANE before MTA-STS: RFC 8461 2. */
static int
demand(struct search *s, const struct mx_host *h, const struct reach_target *to,
       struct reach_demand *d, struct err *e)
{
	bool waived = s->t->need == SPOOL_TLS_OPTIONAL;

	reach_demand_route(s->way, s->t, to, d);
	if (!waived && h->secure && s->list->secure &&
	    reach_demand_dane(s->r, to, h->canonical, s->deadline_ms, d, s->t,
			      e) != 0)
		return -1;
	/* RFC 7672 3.2.2: signed MX records make the domain a name of it too.
	 */
	if (d->check == TLS_CHECK_DANE)
		d->names[d->n_names++] = s->way->host;
	if (!waived && d->dane.kind == DANE_NONE && demand_sts(s, h, d, e) != 0)
		return -1;
	if (reach_demand_level(s->way, d, s->t, e) != 0 ||
	    demand_required(s, h, d, e) != 0)
		return -1;
	reach_demand_memory(s->r, s->t, to, d);
	return 0;
}

/* ---- trying -------------------------------------------------------------
 */

/*
 * RFC 8689 4.2.1: a server that does not promise to protect the message further
 * is left with QUIT for the next one.  True: it was.
 */
static bool
leave_unprotected(struct search *s, struct smtp_client **c, struct err *e)
{
	if (s->t->need != SPOOL_TLS_REQUIRED ||
	    (smtp_client_extensions(*c) & SMTP_EXT_REQUIRETLS) != 0)
		return false;
	smtp_client_close(c, true);
	(void)err_set(e, ERR_PERM, 0,
		      "REQUIRETLS support required: %s has none", s->t->peer);
	reach_remark(s->t, "%s", e->msg);
	(void)reach_failed(s->t, 550, "5.7.30");
	return true;
}

/* 0: *c is open; 1: on to the next; -1: stop, *e says why. */
static int
try_address(struct search *s, const struct mx_host *h, const char *address,
	    const struct reach_demand *d, struct smtp_client **c, struct err *e)
{
	struct reach_target to = { .host = address,
				   .name = h->name,
				   .port = s->r->mx_port };
	int64_t left_ms = s->deadline_ms - clock_mono_ms();
	bool hopeless;

	reach_memory_name(s->way, to.memory);
	s->t->code = 0;
	s->t->connect_timeout_ms =
	    left_ms < s->connect_timeout_ms ? left_ms : s->connect_timeout_ms;
	reach_remark(s->t, "MX %u %s [%s]:%u", (unsigned)h->preference, h->name,
		     address, (unsigned)s->r->mx_port);
	s->tried++;
	int rc = reach_connect(s->r, &to, d, s->t, c, &hopeless, e);
	if (rc == 0) {
		hopeless = leave_unprotected(s, c, e);
		if (!hopeless)
			return 0;
	} else if (e->class == ERR_STOP)
		return -1;
	if (hopeless) {
		(void)reach_failed(s->t, 550, "5.3.2");
		memcpy(s->never, s->t->enhanced, sizeof(s->never));
		s->hopeless++;
		s->why = *e;
		return 1;
	}
	note_failure(s, e);
	return 1;
}

static int
try_host(struct search *s, const struct mx_host *h, struct smtp_client **c,
	 struct err *e)
{
	struct reach_target to = { .name = h->name, .port = s->r->mx_port };
	struct reach_demand d;
	int rc = 1;

	reach_memory_name(s->way, to.memory);
	s->t->code = 0;
	if (demand(s, h, &to, &d, e) != 0) {
		dane_clear(&d.dane);
		if (e->class == ERR_STOP)
			return -1;
		note_failure(s, e);
		return 1;
	}
	for (unsigned i = 0;
	     rc == 1 && i < h->n_addresses && clock_mono_ms() < s->deadline_ms;
	     i++)
		rc = try_address(s, h, h->addresses[i], &d, c, e);
	dane_clear(&d.dane);
	return rc;
}

static int
give_up(struct search *s, struct err *e)
{
	if (s->hopeless > 0 && s->hopeless == s->tried && !s->may_pass) {
		/* RFC 7504 4: all of them say that they never take mail, or
		 * cannot take this one (RFC 8689 4.2.1). */
		s->t->code = 0;
		(void)reach_failed(s->t, 550, s->never);
		return err_set(e, ERR_PERM, 0, "%s", s->why.msg);
	}
	if (!s->may_pass) {
		(void)reach_failed(s->t, 451, "4.4.1");
		return err_set(e, ERR_TIMEOUT, 0, "%s: no server found in time",
			       s->way->host);
	}
	*e = s->why;
	s->t->code = s->code;
	memcpy(s->t->enhanced, s->enhanced, sizeof(s->enhanced));
	return -1;
}

static int
try_all(struct search *s, struct smtp_client **c, struct err *e)
{
	for (unsigned i = 0; i < s->list->n && clock_mono_ms() < s->deadline_ms;
	     i++) {
		int rc = try_host(s, &s->list->hosts[i], c, e);
		if (rc <= 0)
			return rc;
	}
	return give_up(s, e);
}

void
reach_mx_options(const struct reach *r, struct mx_options *o)
{
	*o = (struct mx_options){ .dns = r->dns,
				  .hostname = r->helo,
				  .own = r->own,
				  .n_own = r->n_own,
				  .literals = r->literals,
				  .loopback = r->loopback_mx,
				  .timeout_ms = r->dns_timeout_ms };
}

int
reach_mx(const struct reach *r, const struct route *way, struct reach_try *t,
	 struct smtp_client **c, struct err *e)
{
	struct mx_options o;
	struct search s = { .r = r,
			    .way = way,
			    .t = t,
			    .connect_timeout_ms = t->connect_timeout_ms,
			    .deadline_ms =
				clock_mono_ms() + r->search_timeout_ms };
	struct sts_policy *sts = NULL;
	struct mx_list *list = NULL;
	struct mx_fault fault;
	int rc = -1;

	if (r->dns == NULL)
		return err_set(e, ERR_TEMP, 0, "no name servers");
	reach_mx_options(r, &o);
	if (mx_find(&o, way->host, s.deadline_ms, r->stop, &list, &fault, e) !=
	    0)
		return reach_failed(t, fault.code, fault.enhanced);
	if (r->sts == NULL || way->host[0] == '[' ||
	    sts_find(r->sts, way->host, s.deadline_ms, r->stop, &sts, e) == 0) {
		s.list = list;
		s.sts = sts;
		rc = try_all(&s, c, e);
	}
	t->connect_timeout_ms = s.connect_timeout_ms;
	free(sts);
	free(list);
	return rc;
}
