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

	if (check_lmtp(path, &o->lmtp.listen, e) != 0 ||
	    login_options_check(&o->login, path, e) != 0)
		return -1;
	if (receiver_rules_new(&rules, path, o, e) != 0)
		return -1;
	receiver_rules_drop(&rules);
	if (receiver_limits_new(&limits, path, o, e) != 0)
		return -1;
	receiver_limits_free(&limits);
	if (tls_settings_check(path, &o->tls,
			       o->smtp.listen_tls.n > 0 ? &o->smtp.listen_tls
							: &o->pop3.listen_tls,
			       e) != 0)
		return -1;
	if (listen_options_check(path, "smtp", &o->smtp, e) != 0 ||
	    network_list_check(path, "[smtp] xclient-from",
			       &o->smtp_xclient_from, e) != 0 ||
	    network_list_check(path, "[smtp] delivery-ids-from",
			       &o->smtp_delivery_ids_from, e) != 0 ||
	    listen_options_check(path, "lmtp", &o->lmtp, e) != 0 ||
	    listen_options_check(path, "pop3", &o->pop3, e) != 0 ||
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
serve_smtp(void *ctx, const struct listener_client *c)
{
	struct receiver *r = ctx;

	smtp_server_session(r->smtp, c);
}

static void
serve_lmtp(void *ctx, const struct listener_client *c)
{
	struct receiver *r = ctx;

	smtp_server_session(r->lmtp, c);
}

static void
serve_pop3(void *ctx, const struct listener_client *c)
{
	struct receiver *r = ctx;

	pop3_server_session(r->pop3, c);
}

/* For a start, and for new certificates at a reload. */
static int
make_tls(struct receiver *r, const struct receiver_options *o, struct err *e)
{
	if (tls_settings_server(&r->smtp_tls, &o->tls, "smtp", "smtp esmtp",
				e) != 0 ||
	    tls_settings_server(&r->lmtp_tls, &o->tls, "lmtp", "lmtp", e) !=
		0 ||
	    tls_settings_server(&r->pop3_tls, &o->tls, "pop3", "pop3", e) != 0)
		return -1;
	return 0;
}

/* Whose clients have no cap by address: who speaks for others, and who has no
 * limits in time either.  malloc'ed; the words are the options'. */
static char **
free_networks(const struct receiver_options *o, size_t *n)
{
	const struct option_list *lists[] = { &o->smtp_xclient_from,
					      &o->limit_exempt };
	char **all = calloc(lists[0]->n + lists[1]->n + 1, sizeof(*all));

	*n = 0;
	for (size_t i = 0; all != NULL && i < 2; i++) {
		for (size_t k = 0; k < lists[i]->n; k++)
			all[(*n)++] = lists[i]->v[k];
	}
	return all;
}

static int
bind_services(struct receiver *r, struct err *e)
{
	const struct receiver_options *o = r->o;
	size_t n_free = 0;
	char **free_from = free_networks(o, &n_free);
	struct listener_options smtp = {
		.service = "smtp",
		.tls = r->smtp_tls,
		.free_from = free_from,
		.n_free_from = n_free,
		.busy_reply = "421 4.3.2 too many clients, try again later\r\n",
		.serve = serve_smtp,
		.ctx = r,
	};
	/* One mail server may have many connections: no cap for an address. */
	struct listener_options lmtp = {
		.service = "lmtp",
		.busy_reply = "421 4.3.2 too many clients, try again later\r\n",
		.serve = serve_lmtp,
		.ctx = r,
	};
	struct listener_options pop3 = {
		.service = "pop3",
		.tls = r->pop3_tls,
		.busy_reply =
		    "-ERR [SYS/TEMP] too many clients, try again later\r\n",
		.serve = serve_pop3,
		.ctx = r,
	};

	listen_options_listener(&o->smtp, &smtp);
	listen_options_listener(&o->lmtp, &lmtp);
	listen_options_listener(&o->pop3, &pop3);
	int rc = free_from == NULL ? err_set(e, ERR_TEMP, ENOMEM, "networks")
				   : listener_new(&r->smtp_listener, &smtp, e);
	free(free_from);
	if (rc != 0 || listener_new(&r->lmtp_listener, &lmtp, e) != 0 ||
	    listener_new(&r->pop3_listener, &pop3, e) != 0)
		return -1;
	return 0;
}

static void
stop(void *server)
{
	struct receiver *r = server;
	struct listener *all[] = { r->smtp_listener, r->lmtp_listener,
				   r->pop3_listener };
	const size_t n = sizeof(all) / sizeof(all[0]);
	int64_t end = clock_mono_ms() + STOP_GRACE_MS;

	for (size_t i = 0; i < n; i++) {
		if (all[i] != NULL)
			listener_drain(all[i]);
	}
	for (size_t i = 0; i < n; i++) {
		int64_t left = end - clock_mono_ms();
		if (all[i] != NULL)
			listener_stop(all[i], left > 0 ? left : 0);
		listener_free(&all[i]);
	}
	smtp_server_free(&r->smtp);
	network_list_free(&r->xclient_from);
	network_list_free(&r->delivery_ids_from);
	smtp_server_free(&r->lmtp);
	milter_filter_free(&r->filter);
	pop3_server_free(&r->pop3);
	tls_server_free(&r->smtp_tls);
	tls_server_free(&r->lmtp_tls);
	tls_server_free(&r->pop3_tls);
	sasl_free(&r->sasl);
	users_free(&r->users);
	receiver_store_close(r);
	receiver_rules_drop(&r->rules);
	receiver_limits_free(&r->limits);
	(void)pthread_mutex_destroy(&r->lock);
	free(r);
}

static void
note_ports(struct daemon_ports *ports, const struct listener *l,
	   const char *clear, size_t n_clear, const char *tls, size_t n_tls)
{
	for (size_t i = 0; i < n_clear + n_tls; i++) {
		uint16_t port = listener_port(l, i);
		if (port != 0) /* not a unix socket */
			daemon_ports_add(ports, i < n_clear ? clear : tls,
					 port);
	}
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
	    make_tls(r, r->o, e) != 0 || bind_services(r, e) != 0) {
		stop(r);
		return -1;
	}
	note_ports(ports, r->smtp_listener, "smtp", r->o->smtp.listen.n,
		   "smtp-tls", r->o->smtp.listen_tls.n);
	note_ports(ports, r->lmtp_listener, "lmtp", r->o->lmtp.listen.n, NULL,
		   0);
	note_ports(ports, r->pop3_listener, "pop3", r->o->pop3.listen.n,
		   "pop3-tls", r->o->pop3.listen_tls.n);
	*server = r;
	return 0;
}

static int
make_smtp(struct receiver *r, struct err *e)
{
	const struct receiver_options *o = r->o;
	struct smtp_server_options smtp = {
		.hostname = r->hostname,
		.service = "smtp",
		.tls = r->smtp_tls,
		.authserv_id =
		    o->authserv_id != NULL && o->authserv_id[0] != '\0'
			? o->authserv_id
			: r->hostname,
		.size_max_bytes = o->smtp_size_max,
		.recipients_max = (int)o->smtp_recipients_max,
		.greet_pause_ms = o->smtp_greet_pause,
		.greet_at_once = receiver_limits_exempt(r->limits),
		.idle_timeout_ms = o->smtp_idle,
		.data_timeout_ms = o->smtp_data,
		.session_timeout_ms = o->smtp_session,
		.delivery_ids = o->smtp_delivery_ids,
		.delivery_ids_from = &r->delivery_ids_from,
		.xclient_from = &r->xclient_from,
		.require_tls = true, /* it goes no further */
	};

	if (network_list_new(&r->xclient_from, o->smtp_xclient_from.v,
			     o->smtp_xclient_from.n, e) != 0 ||
	    network_list_new(&r->delivery_ids_from, o->smtp_delivery_ids_from.v,
			     o->smtp_delivery_ids_from.n, e) != 0)
		return -1;
	if (smtp_server_new(&r->smtp, &smtp, milter_filter_ops(r->filter),
			    r->filter, e) != 0)
		return -1;
	/* Who delivers by LMTP has checked the message for us. */
	smtp.authserv_id = NULL;
	smtp.service = "lmtp";
	smtp.lmtp = true;
	smtp.tls = r->lmtp_tls;
	smtp.greet_pause_ms = 0; /* for strangers */
	return smtp_server_new(&r->lmtp, &smtp, receiver_policy_ops(), r, e);
}

static int
make_pop3(struct receiver *r, struct err *e)
{
	const struct receiver_options *o = r->o;
	struct pop3_server_options pop3 = {
		.hostname = r->hostname,
		.service = "pop3",
		.sasl = r->sasl,
		.tls = r->pop3_tls,
		.tls_required = o->pop3_tls_required,
		.auth_in_clear_text = o->pop3_clear_text,
		.idle_timeout_ms = o->pop3_idle,
		.session_timeout_ms = o->pop3_session,
	};

	return pop3_server_new(&r->pop3, &pop3, receiver_pop3_ops(), r, e);
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
	if (receiver_filter_open(r, e) != 0 || make_smtp(r, e) != 0 ||
	    make_pop3(r, e) != 0 || listener_start(r->smtp_listener, e) != 0 ||
	    listener_start(r->lmtp_listener, e) != 0 ||
	    listener_start(r->pop3_listener, e) != 0)
		return -1;
	return 0;
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
	if (make_tls(r, o, e) != 0 || users_reload(r->users, e) != 0 ||
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
