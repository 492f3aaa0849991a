#include "sender/mx.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/rand.h"

/* One search. */
struct search {
	const struct mx_options *o;
	const char *domain;
	int64_t deadline_ms;
	const struct wake *stop;
	struct mx_list *list;
	struct mx_fault *fault;
	bool unsure; /* of some server the addresses are not known now */
	char why[DNS_WHY_SIZE];
};

static int
refuse(const struct search *s, int code, const char *enhanced, struct err *e,
       const char *what)
{
	s->fault->code = code;
	s->fault->enhanced = enhanced;
	return err_set(e, code / 100 == 5 ? ERR_PERM : ERR_TEMP, 0, "%s: %s",
		       s->domain, what);
}

static int
ask(const struct search *s, enum dns_type type, struct dns_answer **a,
    struct err *e)
{
	if (dns_ask(s->o->dns, s->domain, type, s->deadline_ms, s->stop, a,
		    e) == 0)
		return 0;
	return err_prefix(e, "%s", s->domain);
}

/* ---- the list of servers ------------------------------------------------
 */

static int
by_preference(const void *a, const void *b)
{
	const struct dns_mx *x = a, *y = b;

	return (x->preference > y->preference) -
	       (x->preference < y->preference);
}

static void
shuffle(struct dns_mx *v, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		size_t j = (size_t)(rand_u64() % i);
		struct dns_mx keep = v[i - 1];
		v[i - 1] = v[j];
		v[j] = keep;
	}
}

static bool
has_host(const struct mx_list *l, const char *name)
{
	for (unsigned i = 0; i < l->n; i++) {
		if (strcmp(l->hosts[i].name, name) == 0)
			return true;
	}
	return false;
}

static void
add_host(struct mx_list *l, const char *name, uint16_t preference)
{
	if (l->n == MX_HOSTS_MAX || has_host(l, name))
		return;
	struct mx_host *h = &l->hosts[l->n++];
	(void)snprintf(h->name, sizeof(h->name), "%s", name);
	h->preference = preference;
}

/*
 * Equal preferences in a random order (RFC 5321 5.1), so that the load is
 * spread.  qsort(3) of glibc may be a quicksort, which is not stable; no
 * matter, as what is equal was shuffled.
 */
static int
read_records(struct search *s, const struct dns_answer *a, struct err *e)
{
	struct dns_mx *v = calloc(a->n, sizeof(*v));
	size_t n = 0, nulls = 0;

	if (v == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "MX records");
	for (unsigned i = 0; i < a->n; i++) {
		if (dns_rdata_mx(a->rdata[i], &v[n]) != 0)
			continue; /* no host name */
		if (v[n].host[0] == '\0')
			nulls++;
		else
			n++;
	}
	shuffle(v, n);
	qsort(v, n, sizeof(*v), by_preference);
	for (size_t i = 0; i < n; i++)
		add_host(s->list, v[i].host, v[i].preference);
	free(v);
	if (n > 0)
		return 0;
	/* RFC 7505 3: beside other records it means nothing. */
	if (nulls > 0)
		return refuse(s, 556, "5.1.10", e,
			      "the domain takes no mail (null MX)");
	return refuse(s, 550, "5.4.4", e, "its MX records name no hosts");
}

static int
find_hosts(struct search *s, struct err *e)
{
	struct dns_answer *a = NULL;
	int rc = 0;

	if (ask(s, DNS_MX, &a, e) != 0) {
		s->fault->code = 451;
		s->fault->enhanced = "4.4.3";
		return -1;
	}
	s->list->secure = a->security == DNS_SECURE;
	switch (a->status) {
	case DNS_OK:
		rc = read_records(s, a, e);
		break;
	case DNS_NO_DATA:
		s->list->implicit = true;
		add_host(s->list, s->domain, 0);
		break;
	case DNS_NO_NAME:
		rc = refuse(s, 550, "5.1.2", e, "no such domain");
		break;
	case DNS_FAILED:
		rc = refuse(s, 451, "4.4.3", e, a->why);
		break;
	}
	free(a);
	return rc;
}

/* ---- addresses ----------------------------------------------------------
 */

struct pair {
	struct dns_question *v6, *v4;
};

static void
add_addresses(struct mx_host *h, const struct dns_answer *a, unsigned max)
{
	unsigned n = 0;

	for (unsigned i = 0;
	     i < a->n && n < max && h->n_addresses < MX_ADDRESSES_MAX; i++) {
		if (dns_rdata_address(a->rdata[i],
				      h->addresses[h->n_addresses]) != 0)
			continue;
		h->n_addresses++;
		n++;
	}
	if (a->n > 0 && a->canonical[0] != '\0')
		(void)snprintf(h->canonical, sizeof(h->canonical), "%s",
			       a->canonical);
}

/* One of the two answers; what is not known now may be known later. */
static int
take(struct search *s, struct dns_question **q, struct dns_answer **a,
     struct err *e)
{
	if (dns_await(q, s->deadline_ms, s->stop, a, e) != 0) {
		if (e->class == ERR_STOP)
			return -1;
		s->unsure = true;
		(void)snprintf(s->why, sizeof(s->why), "%.*s",
			       (int)sizeof(s->why) - 1, e->msg);
		return 0;
	}
	if ((*a)->status == DNS_FAILED) {
		s->unsure = true;
		memcpy(s->why, (*a)->why, sizeof(s->why));
	}
	return 0;
}

static int
await_pair(struct search *s, struct mx_host *h, struct pair *p, struct err *e)
{
	struct dns_answer *v6 = NULL, *v4 = NULL;

	int rc = take(s, &p->v6, &v6, e);
	if (rc == 0)
		rc = take(s, &p->v4, &v4, e);
	if (rc == 0) {
		bool both = v4 != NULL && v4->n > 0;
		memcpy(h->canonical, h->name, sizeof(h->canonical));
		if (v6 != NULL)
			add_addresses(h, v6,
				      both ? MX_ADDRESSES_MAX / 2
					   : MX_ADDRESSES_MAX);
		if (v4 != NULL)
			add_addresses(h, v4, MX_ADDRESSES_MAX);
		/* Absence counts too: an answer that is not signed could be
		 * anybody's. */
		h->secure = v6 != NULL && v6->security == DNS_SECURE &&
			    v4 != NULL && v4->security == DNS_SECURE;
	}
	free(v6);
	free(v4);
	return rc;
}

static int
begin_pair(struct search *s, const struct mx_host *h, struct pair *p,
	   struct err *e)
{
	if (dns_begin(s->o->dns, h->name, DNS_AAAA, &p->v6, e) == 0 &&
	    dns_begin(s->o->dns, h->name, DNS_A, &p->v4, e) == 0)
		return 0;
	s->fault->code = 451;
	s->fault->enhanced = "4.4.3";
	return -1;
}

/* All at once: a list of eight servers takes no longer than one. */
static int
find_addresses(struct search *s, struct err *e)
{
	struct pair pairs[MX_HOSTS_MAX] = { 0 };
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < s->list->n; i++)
		rc = begin_pair(s, &s->list->hosts[i], &pairs[i], e);
	for (unsigned i = 0; rc == 0 && i < s->list->n; i++)
		rc = await_pair(s, &s->list->hosts[i], &pairs[i], e);
	for (unsigned i = 0; i < s->list->n; i++) {
		dns_drop(&pairs[i].v6);
		dns_drop(&pairs[i].v4);
	}
	return rc;
}

/* ---- loops --------------------------------------------------------------
 */

/* "127.x.x.x", "::1", and what leads there: the unspecified address, and either
 * as IPv4 in IPv6. */
static bool
is_loopback(const char *address)
{
	struct in6_addr six;
	struct in_addr four;

	if (inet_pton(AF_INET6, address, &six) == 1) {
		if (!IN6_IS_ADDR_V4MAPPED(&six))
			return IN6_IS_ADDR_LOOPBACK(&six) ||
			       IN6_IS_ADDR_UNSPECIFIED(&six);
		memcpy(&four, &six.s6_addr[12], sizeof(four));
	} else if (inet_pton(AF_INET, address, &four) != 1) {
		return false;
	}
	uint32_t bits = ntohl(four.s_addr);
	return bits >> 24 == 127 || bits == 0;
}

/*
 * A stranger's records say that his server is here: what listens on our
 * loopback is ours, and takes what comes from there for its own users' mail.
 * Such addresses are left out; a host that has no others is us.
 */
static bool
has_only_loopback(const struct mx_options *o, struct mx_host *h)
{
	unsigned n = 0, had = h->n_addresses;

	for (unsigned i = 0; i < had && !o->loopback; i++) {
		if (is_loopback(h->addresses[i]))
			continue;
		if (n != i)
			memcpy(h->addresses[n], h->addresses[i],
			       sizeof(h->addresses[n]));
		n++;
	}
	if (!o->loopback)
		h->n_addresses = n;
	return h->n_addresses == 0 && had > 0;
}

static bool
is_own(const struct mx_options *o, const struct mx_host *h)
{
	if (h->name[0] != '\0' &&
	    span_eq_nocase(span_of(o->hostname), span_of(h->name)))
		return true;
	for (size_t i = 0; i < o->n_own; i++) {
		if (h->name[0] != '\0' &&
		    span_eq_nocase(span_of(o->own[i]), span_of(h->name)))
			return true;
		for (unsigned j = 0; j < h->n_addresses; j++) {
			if (span_eq_nocase(span_of(o->own[i]),
					   span_of(h->addresses[j])))
				return true;
		}
	}
	return false;
}

/*
 * RFC 5321 5.1: when we are among them, only those we prefer to ourselves are
 * left; mail that went on to one of the others would come back.
 */
static int
cut_loop(struct search *s, struct err *e)
{
	struct mx_list *l = s->list;
	unsigned n = 0;

	for (unsigned i = 0; i < l->n; i++) {
		bool own = is_own(s->o, &l->hosts[i]);
		if (!has_only_loopback(s->o, &l->hosts[i]) && !own)
			continue;
		while (n < i && l->hosts[n].preference < l->hosts[i].preference)
			n++;
		l->n = n;
		return n > 0 ? 0
			     : refuse(s, 554, "5.4.6", e,
				      "its best MX is this host, which has no "
				      "other route for it");
	}
	return 0;
}

/* Only those that can be gone to. */
static int
drop_unknown(struct search *s, struct err *e)
{
	struct mx_list *l = s->list;
	unsigned n = 0;

	for (unsigned i = 0; i < l->n; i++) {
		if (l->hosts[i].n_addresses == 0)
			continue;
		if (n != i)
			l->hosts[n] = l->hosts[i];
		n++;
	}
	l->n = n;
	if (n > 0)
		return 0;
	if (s->unsure)
		return refuse(s, 451, "4.4.3", e, s->why);
	return l->implicit ? refuse(s, 550, "5.1.2", e,
				    "it has neither MX nor address records")
			   : refuse(s, 550, "5.4.4", e,
				    "none of its MX hosts has an address");
}

/* ---- literals -----------------------------------------------------------
 */

/* RFC 5321 4.1.3: "[192.0.2.1]", "[IPv6:2001:db8::1]". */
static int
take_literal(struct search *s, struct err *e)
{
	struct mx_host *h = &s->list->hosts[0];
	struct span v6 = span_of("IPv6:");
	struct span text = span_skip(span_of(s->domain), 1);
	unsigned char bytes[16];

	if (!s->o->literals)
		return refuse(s, 550, "5.1.2", e,
			      "mail to address literals is not sent");
	if (text.n > 0 && text.p[text.n - 1] == ']')
		text.n--;
	bool six = span_starts_nocase(text, v6);
	if (six)
		text = span_skip(text, v6.n);
	if (span_copy(text, h->addresses[0], DNS_ADDRESS_SIZE) != 0 ||
	    inet_pton(six ? AF_INET6 : AF_INET, h->addresses[0], bytes) != 1)
		return refuse(s, 550, "5.1.2", e, "not an address");
	h->n_addresses = 1;
	s->list->n = 1;
	return cut_loop(s, e);
}

int
mx_find(const struct mx_options *o, const char *domain, int64_t deadline_ms,
	const struct wake *stop, struct mx_list **list, struct mx_fault *fault,
	struct err *e)
{
	int64_t own_ms = clock_mono_ms() + o->timeout_ms;
	struct search s = { .o = o,
			    .domain = domain,
			    .deadline_ms =
				deadline_ms < own_ms ? deadline_ms : own_ms,
			    .stop = stop,
			    .fault = fault };

	*list = NULL;
	*fault = (struct mx_fault){ 451, "4.3.0" };
	s.list = calloc(1, sizeof(*s.list));
	if (s.list == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "MX records");
	int rc = domain[0] == '[' ? take_literal(&s, e)
		 : find_hosts(&s, e) != 0 || find_addresses(&s, e) != 0 ||
			 cut_loop(&s, e) != 0 || drop_unknown(&s, e) != 0
		     ? -1
		     : 0;
	if (rc != 0) {
		free(s.list);
		return -1;
	}
	*list = s.list;
	return 0;
}
