#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "sender/control_private.h"
#include "sender/dane.h"
#include "sender/mx.h"
#include "sender/route.h"

enum { WHY_MS = 8000 }; /* for all questions: somebody waits at a terminal */

/* ---- what is remembered -------------------------------------------------
 */

static void
put_item(struct control_session *s, const struct tls_memory_item *i)
{
	struct control_json j;

	control_json_begin(&j, &s->out);
	control_json_text(&j, "type", "tls");
	control_json_text(&j, "name", i->name);
	control_json_text(&j, "level", tls_level_name(i->level));
	control_json_number(&j, "age", clock_age_s(clock_wall_s(), i->seen_s));
	control_json_number(&j, "left", i->expires_s - clock_wall_s());
	s->cut = control_json_end(&j) != 0 || s->cut;
	s->count++;
}

static int
has_memory(const struct control_session *s, struct err *e)
{
	return s->o.reach != NULL && s->o.reach->memory != NULL
		   ? 0
		   : err_set(e, ERR_TEMP, 0, "nothing is remembered of TLS");
}

int
control_tls_list(struct control_session *s, struct err *e)
{
	struct tls_memory_item i = { .name = "" };

	if (has_memory(s, e) != 0)
		return -1;
	while (tls_memory_next(s->o.reach->memory, i.name, &i)) {
		put_item(s, &i);
		if (s->out.n > CONTROL_PAGE_MAX / 2 &&
		    control_session_flush(s, e) != 0)
			return -1;
	}
	return 0;
}

int
control_tls_forget(struct control_session *s, struct err *e)
{
	const char *name = s->r.destination;
	struct control_json j;

	if (has_memory(s, e) != 0)
		return -1;
	bool known = tls_memory_forget(s->o.reach->memory, name);
	control_json_begin(&j, &s->out);
	control_json_text(&j, "type", "result");
	control_json_text(&j, "id", name);
	control_json_text(&j, "result", known ? "forgotten" : "not known");
	s->cut = control_json_end(&j) != 0 || s->cut;
	s->count += known;
	s->failed += !known;
	return 0;
}

/* ---- why ----------------------------------------------------------------
 * What a delivery would find out now, without a connection.
 */

struct question {
	struct control_session *s;
	const struct reach *r;
	const struct route *way;
	int64_t deadline_ms;
};

static const char *
dane_text(const struct question *q, const struct mx_list *list,
	  const struct mx_host *h)
{
	static const char *const texts[] = { "none", "usable", "unusable",
					     "unknown" };
	struct dane_host host = { h->name, h->canonical, q->r->mx_port };
	struct dane d;

	if (!list->secure || !h->secure || h->name[0] == '\0')
		return "none";
	if (dane_find(&d, q->r->dns, &host, q->deadline_ms, q->s->stop, NULL) !=
	    0)
		return "unknown";
	const char *text = texts[d.kind];
	dane_clear(&d);
	return text;
}

static void
put_server(struct question *q, const struct mx_list *list,
	   const struct mx_host *h, const struct sts_policy *sts)
{
	char addresses[MX_ADDRESSES_MAX * (DNS_ADDRESS_SIZE + 1)] = "";
	struct control_json j;
	size_t n = 0;

	for (unsigned i = 0; i < h->n_addresses; i++) {
		size_t more = strlen(h->addresses[i]);
		if (i > 0)
			addresses[n++] = ' ';
		memcpy(addresses + n, h->addresses[i], more + 1);
		n += more;
	}
	control_json_begin(&j, &q->s->out);
	control_json_text(&j, "type", "server");
	control_json_text(&j, "host", h->name);
	control_json_number(&j, "preference", h->preference);
	control_json_text(&j, "addresses", addresses);
	control_json_bool(&j, "secure", list->secure && h->secure);
	control_json_text(&j, "dane", dane_text(q, list, h));
	if (sts != NULL && sts->mode != STS_NONE)
		control_json_bool(&j, "sts", sts_policy_matches(sts, h->name));
	q->s->cut = control_json_end(&j) != 0 || q->s->cut;
}

static void
put_fault(struct question *q, const struct mx_fault *f, const struct err *e)
{
	struct control_json j;

	control_json_begin(&j, &q->s->out);
	control_json_text(&j, "type", "no-server");
	control_json_number(&j, "code", f->code);
	control_json_text(&j, "enhanced", f->enhanced);
	control_json_text(&j, "reason", e->msg);
	q->s->cut = control_json_end(&j) != 0 || q->s->cut;
}

static void
put_protection(struct question *q, const char *memory,
	       const struct sts_policy *sts)
{
	struct control_json j;

	control_json_begin(&j, &q->s->out);
	control_json_text(&j, "type", "protection");
	control_json_text(&j, "tls", route_tls_name(q->way->tls));
	if (q->r->memory != NULL)
		control_json_text(
		    &j, "remembered",
		    tls_level_name(tls_memory_get(q->r->memory, memory)));
	if (sts != NULL)
		control_json_text(&j, "sts", sts_mode_name(sts->mode));
	q->s->cut = control_json_end(&j) != 0 || q->s->cut;
}

static void
explain_mx(struct question *q)
{
	struct mx_options o;
	struct sts_policy *sts = NULL;
	struct mx_list *list = NULL;
	struct mx_fault fault;
	struct err e = { 0 };

	reach_mx_options(q->r, &o);
	if (q->r->sts != NULL && q->way->host[0] != '[')
		(void)sts_find(q->r->sts, q->way->host, q->deadline_ms,
			       q->s->stop, &sts, &e);
	put_protection(q, q->way->host, sts);
	if (mx_find(&o, q->way->host, q->deadline_ms, q->s->stop, &list, &fault,
		    &e) != 0)
		put_fault(q, &fault, &e);
	for (unsigned i = 0; list != NULL && i < list->n; i++)
		put_server(q, list, &list->hosts[i], sts);
	free(list);
	free(sts);
}

void
control_tls_why(struct control_session *s, const struct route *way)
{
	struct question q = { .s = s,
			      .r = s->o.reach,
			      .way = way,
			      .deadline_ms = clock_mono_ms() + WHY_MS };
	char memory[TLS_MEMORY_NAME_SIZE];

	if (q.r == NULL)
		return;
	switch (way->kind) {
	case ROUTE_LOCAL:
		return;
	case ROUTE_HOST:
		reach_memory_name(way, memory);
		put_protection(&q, memory, NULL);
		return;
	case ROUTE_MX:
		if (q.r->dns != NULL)
			explain_mx(&q);
		return;
	}
}
