#include "receiver/receiver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/paths.h"
#include "net/dial.h"
#include "net/unix_socket.h"
#include "receiver/receiver_private.h"

enum { STOP_GRACE_MS = 10000 };

struct receiver_rules *
receiver_rules_now(struct receiver *r)
{
	(void)pthread_mutex_lock(&r->lock);
	struct receiver_rules *rules = receiver_rules_hold(r->rules);
	(void)pthread_mutex_unlock(&r->lock);
	return rules;
}

/* ---- services --------------------------------------------------------------
 */

static const char smtp_busy[] =
    "421 4.3.2 too many clients, try again later\r\n";
static const char pop3_busy[] =
    "-ERR [SYS/TEMP] too many clients, try again later\r\n";

static const struct service services[] = {
	{ "smtp", "smtp esmtp", smtp_busy, receiver_smtp_options,
	  receiver_smtp_open, smtp_server_session, receiver_smtp_close },
	{ "lmtp", "lmtp", smtp_busy, receiver_lmtp_options, receiver_lmtp_open,
	  smtp_server_session, receiver_smtp_close },
	{ "pop3", "pop3", pop3_busy, receiver_pop3_options, receiver_pop3_open,
	  pop3_server_session, receiver_pop3_close },
	{ .name = NULL },
};

/* ---- configuration --------------------------------------------------------
 */

/* RFC 2033 5: not on port 25, where clients of SMTP would find it. */
static int
check_lmtp(const char *path, const struct option_list *listen, struct err *e)
{
	char host[NET_HOST_SIZE];
	uint16_t port = 0;

	for (size_t i = 0; i < listen->n; i++) {
		if (unix_socket_is_path(listen->v[i]))
			continue;
		if (net_endpoint(span_of(listen->v[i]), -1, host, &port, e) !=
		    0)
			return err_prefix(e, "%s: lmtp: listen", path);
		if (port == 25)
			return err_set(e, ERR_PERM, 0,
				       "%s: lmtp: listen: LMTP must not be on"
				       " port 25 (RFC 2033 5)",
				       path);
	}
	return 0;
}

static int
check(const char *path, const void *values, struct err *e)
{
	const struct receiver_options *o = values;
	struct receiver_limits *limits = NULL;
	struct receiver_rules *rules = NULL;

	if (o->hostname[0] != '\0' &&
	    address_domain_check(o->hostname, true, e) != 0)
		return err_prefix(e, "%s: server: hostname", path);
	if (check_lmtp(path, &o->lmtp.listen, e) != 0 ||
	    login_options_check(&o->login, path, e) != 0)
		return -1;
	if (receiver_rules_new(&rules, path, o, e) != 0)
		return -1;
	receiver_rules_drop(&rules);
	if (receiver_limits_new(&limits, path, o, e) != 0)
		return -1;
	receiver_limits_free(&limits);
	if (services_check(path, services, o, &o->tls, e) != 0 ||
	    network_list_check(path, "[smtp] xclient-from",
			       &o->smtp_xclient_from, e) != 0 ||
	    network_list_check(path, "[smtp] delivery-ids-from",
			       &o->smtp_delivery_ids_from, e) != 0 ||
	    receiver_filter_check(path, o, e) != 0)
		return -1;
	return users_check(o->users_file, e);
}

static void
remark_values(const void *values)
{
	const struct receiver_options *o = values;
	struct receiver_rules *rules = NULL;
	struct users *users = NULL;
	struct err e;

	if (receiver_rules_new(&rules, "configuration", o, &e) == 0 &&
	    users_open(&users, o->users_file, &e) == 0)
		receiver_rules_remark(rules, users);
	users_free(&users);
	receiver_rules_drop(&rules);
}

/* ---- start ----------------------------------------------------------------
 */

static void
stop(void *server)
{
	struct receiver *r = server;

	services_stop(r->services, clock_mono_ms() + STOP_GRACE_MS);
	services_free(&r->services);
	network_list_free(&r->xclient_from);
	network_list_free(&r->delivery_ids_from);
	milter_filter_free(&r->filter);
	sasl_free(&r->sasl);
	users_free(&r->users);
	receiver_store_close(r);
	receiver_rules_drop(&r->rules);
	receiver_limits_free(&r->limits);
	(void)pthread_mutex_destroy(&r->lock);
	free(r);
}

static int
bind_server(void **server, const void *values, struct daemon_ports *ports,
	    struct err *e)
{
	struct receiver *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "receiver");
	r->o = values;
	r->data_dir = r->data_lock = -1;
	(void)pthread_mutex_init(&r->lock, NULL);
	if (r->o->hostname != NULL && r->o->hostname[0] != '\0')
		(void)snprintf(r->hostname, sizeof(r->hostname), "%s",
			       r->o->hostname);
	else if (gethostname(r->hostname, sizeof(r->hostname) - 1) != 0)
		(void)snprintf(r->hostname, sizeof(r->hostname), "localhost");
	if (receiver_rules_new(&r->rules, "configuration", r->o, e) != 0 ||
	    receiver_limits_new(&r->limits, "configuration", r->o, e) != 0 ||
	    services_new(&r->services, services, r, e) != 0 ||
	    services_bind(r->services, r->o, &r->o->tls, ports, e) != 0) {
		stop(r);
		return -1;
	}
	*server = r;
	return 0;
}

static int
make_networks(struct receiver *r, struct err *e)
{
	const struct receiver_options *o = r->o;

	if (network_list_new(&r->xclient_from, o->smtp_xclient_from.v,
			     o->smtp_xclient_from.n, e) != 0 ||
	    network_list_new(&r->delivery_ids_from, o->smtp_delivery_ids_from.v,
			     o->smtp_delivery_ids_from.n, e) != 0)
		return -1;
	return 0;
}

static int
run(void *server, struct err *e)
{
	struct receiver *r = server;

	if (users_open(&r->users, r->o->users_file, e) != 0 ||
	    users_use_secret(r->users, e) != 0 ||
	    login_options_sasl(&r->sasl, &r->o->login, r->users, e) != 0 ||
	    receiver_store_open(r, e) != 0)
		return -1;
	sasl_keep(r->sasl, r->data_dir);
	if (receiver_filter_open(r, e) != 0 || make_networks(r, e) != 0 ||
	    services_open(r->services, e) != 0)
		return -1;
	return services_start(r->services, e);
}

/* ---- reload ---------------------------------------------------------------
 */

/*
 * Users, domains, aliases, certificates and the postmaster are taken over;
 * where we listen
 * and the limits of sessions need a restart.  Transactions under way end by the
 * rules they began with.
 */
static int
reload(void *server, const void *values, struct err *e)
{
	struct receiver *r = server;
	struct receiver_rules *rules = NULL;

	if (receiver_rules_new(&rules, "configuration", values, e) != 0)
		return -1;
	const struct receiver_options *o = values;
	if (services_reload(r->services, &o->tls, e) != 0 ||
	    users_reload(r->users, e) != 0 ||
	    receiver_filter_use(r, o, e) != 0) {
		receiver_rules_drop(&rules);
		return -1;
	}
	(void)pthread_mutex_lock(&r->lock);
	struct receiver_rules *old = r->rules;
	r->rules = rules;
	(void)pthread_mutex_unlock(&r->lock);
	receiver_rules_drop(&old);
	return 0;
}

static const char *const live[] = {
	"server/log-file",   "server/log-level",
	"server/postmaster", "tls",
	"certificates",      "domains",
	"aliases",           "milters",
	"smtp/milters",      NULL,
};

static const struct daemon_program program = {
	.name = "postpair-receiver",
	.summary = "Receive mail over SMTP into Maildirs and serve it by POP3.",
	.config_path = PATHS_CONF "/receiver.conf",
	.values_size = sizeof(struct receiver_options),
	.check = check,
	.remark = remark_values,
	.settings = receiver_options_settings,
	.bind = bind_server,
	.run = run,
	.reload = reload,
	.live = live,
	.stop = stop,
};

const struct daemon_program *
receiver_program(void)
{
	return &program;
}
