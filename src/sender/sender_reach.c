#include <arpa/inet.h>

#include "base/log.h"
#include "net/dial.h"
#include "sender/sender_private.h"

/* "" stands for not set. */
static const char *
or_null(const char *text)
{
	return text == NULL || text[0] == '\0' ? NULL : text;
}

static int
make_dns(struct dns **d, const struct sender_options *o, struct err *e)
{
	struct dns_options n = {
		.servers = (const char *const *)o->dns_servers.v,
		.n_servers = o->dns_servers.n,
		.trust_anchor = or_null(o->dns_trust_anchor),
	};

	return dns_new(d, &n, e) == 0 ? 0 : err_prefix(e, "[dns]");
}

static int
make_tls_client(struct tls_client **c, const struct sender_options *o,
		struct err *e)
{
	struct tls_client_options t = { .ca_file = or_null(o->relay_ca_file) };

	return tls_client_new(c, &t, e) == 0 ? 0
					     : err_prefix(e, "[relay] ca-file");
}

/* Host names and addresses; one that is neither would hide a loop. */
static int
check_own(const struct option_list *own, struct err *e)
{
	struct in6_addr six;

	for (size_t i = 0; i < own->n; i++) {
		if (inet_pton(AF_INET6, own->v[i], &six) != 1 &&
		    address_domain_check(own->v[i], false, e) != 0)
			return err_prefix(e, "relay: own");
	}
	return 0;
}

int
sender_reach_check(const char *path, const struct sender_options *o,
		   struct err *e)
{
	struct tls_client *tls = NULL;
	struct dns *dns = NULL;
	char host[NET_HOST_SIZE];
	uint16_t port;

	int rc = check_own(&o->relay_own, e);
	if (rc == 0)
		rc = make_dns(&dns, o, e);
	if (rc == 0)
		rc = make_tls_client(&tls, o, e);
	if (rc == 0 && or_null(o->sts_connect_to) != NULL &&
	    net_endpoint(span_of(o->sts_connect_to), -1, host, &port, e) != 0)
		rc = err_prefix(e, "[mta-sts] connect-to");
	tls_client_free(&tls);
	dns_free(&dns);
	return rc == 0 ? 0 : err_prefix(e, "%s", path);
}

/* Without it mail flows, with less protection: that must not go unseen. */
static void
open_memory(struct sender *s)
{
	const struct sender_options *o = s->o;
	struct sts_options sts = {
		.dns = s->reach.dns,
		.data_fd = s->data_fd,
		.timeout_ms = o->sts_timeout,
		.ca_file = or_null(o->relay_ca_file),
		.connect_to = or_null(o->sts_connect_to),
	};
	struct err e;

	if (tls_memory_open(&s->reach.memory, s->data_fd,
			    o->relay_tls_memory / 1000, &e) != 0)
		log_failure(LOG_ERROR, "no-tls-memory", NULL, NULL, &e);
	if (o->sts && sts_new(&s->reach.sts, &sts, &e) != 0)
		log_failure(LOG_ERROR, "no-mta-sts", NULL, NULL, &e);
}

int
sender_reach_open(struct sender *s, struct err *e)
{
	const struct sender_options *o = s->o;

	s->reach = (struct reach){
		.routes = s->routes,
		.helo = s->hostname,
		.stop = &s->stop,
		.mx_port = (uint16_t)o->relay_mx_port,
		.own = (const char *const *)o->relay_own.v,
		.n_own = o->relay_own.n,
		.literals = o->relay_literals,
		.dns_timeout_ms = o->dns_timeout,
		.greeting_timeout_ms = o->relay_greeting,
		.loopback_mx = o->relay_loopback_mx,
		.search_timeout_ms = o->relay_search,
	};
	if (make_dns(&s->reach.dns, o, e) != 0 ||
	    make_tls_client(&s->reach.tls, o, e) != 0)
		return -1;
	open_memory(s);
	return 0;
}

void
sender_reach_close(struct sender *s)
{
	sts_free(&s->reach.sts);
	tls_memory_free(&s->reach.memory);
	tls_client_free(&s->reach.tls);
	dns_free(&s->reach.dns);
}
