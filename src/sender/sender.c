#include "sender/sender.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/paths.h"
#include "sender/sender_private.h"

enum {
	STOP_GRACE_MS = 10000,
	JOURNAL_BYTES = 256 * 1024 * 1024,
	JOURNAL_RETRY_MS = 1000, /* on a full disk */
};

/* ---- services -----------------------------------------------------------
 */

static const char busy[] = "421 4.3.2 too many clients, try again later\r\n";

static const struct service services[] = {
	{ "submission", "smtp esmtp", busy, sender_submission_options,
	  sender_submission_open, smtp_server_session,
	  sender_submission_close },
	{ "local", NULL, busy, sender_local_options, sender_local_open,
	  smtp_server_session, sender_submission_close },
	{ .name = NULL },
};

/* ---- configuration ------------------------------------------------------
 */

static struct routes_config
routes_config(const char *path, const struct sender_options *o)
{
	return (struct routes_config){ .path = path,
				       .domains = &o->routes,
				       .senders = &o->sender_routes,
				       .credentials = &o->credentials };
}

static int
check(const char *path, const void *values, struct err *e)
{
	const struct sender_options *o = values;
	struct routes *routes = NULL;
	struct routes_config way = routes_config(path, o);
	struct local_users *local = NULL;

	if (o->retry_min > o->retry_max)
		return err_set(e, ERR_PERM, 0,
			       "%s: [queue] retry-min is over retry-max", path);
	if (o->hostname[0] != '\0' &&
	    address_domain_check(o->hostname, true, e) != 0)
		return err_prefix(e, "%s: server: hostname", path);
	if (login_options_check(&o->login, path, e) != 0 ||
	    local_users_new(&local, path, &o->local_users, "localhost", e) != 0)
		return -1;
	local_users_free(&local);
	if (routes_new(&routes, &way, e) != 0)
		return -1;
	routes_free(&routes);
	if (services_check(path, services, o, &o->tls, e) != 0 ||
	    sender_local_check(path, o, e) != 0 ||
	    sender_filter_check(path, o, e) != 0 ||
	    sender_reach_check(path, o, e) != 0 ||
	    network_list_check(path, "[submission] xclient-from",
			       &o->xclient_from, e) != 0)
		return -1;
	return users_check(o->users_file, e);
}

static void
name_host(struct sender *s)
{
	if (s->o->hostname != NULL && s->o->hostname[0] != '\0')
		(void)snprintf(s->hostname, sizeof(s->hostname), "%s",
			       s->o->hostname);
	else if (gethostname(s->hostname, sizeof(s->hostname) - 1) != 0)
		(void)snprintf(s->hostname, sizeof(s->hostname), "localhost");
	if (s->o->postmaster != NULL && s->o->postmaster[0] != '\0')
		(void)snprintf(s->postmaster, sizeof(s->postmaster), "%s",
			       s->o->postmaster);
	else
		(void)snprintf(s->postmaster, sizeof(s->postmaster),
			       "postmaster@%.200s", s->hostname);
}

/* ---- stop ---------------------------------------------------------------
 * Order matters: sessions first get their time, then the deliveries, then
 * whatever still waits for a receiver is woken; the spool goes last.
 */

static void
stop(void *server)
{
	struct sender *s = server;
	int64_t end_ms = clock_mono_ms() + STOP_GRACE_MS;

	services_drain(s->services);
	pickup_free(&s->pickup);
	control_free(&s->control);
	if (s->scheduler != NULL)
		scheduler_stop(s->scheduler, STOP_GRACE_MS, &s->stop);
	else
		wake_raise(&s->stop);
	services_stop(s->services, end_ms);
	services_free(&s->services);
	network_list_free(&s->xclient_from);
	milter_filter_free(&s->filter);
	local_users_free(&s->local_users);
	sasl_free(&s->sasl);
	users_free(&s->users);
	verify_free(&s->verify);
	pool_free(&s->verify_pool);
	pool_free(&s->relay_pool);
	sender_reach_close(s);
	scheduler_free(&s->scheduler);
	spool_free(&s->spool);
	trail_free(&s->trail);
	login_limits_free(&s->limits);
	routes_free(&s->routes);
	wake_close(&s->stop);
	if (s->lock_fd >= 0)
		(void)close(s->lock_fd);
	if (s->data_fd >= 0)
		(void)close(s->data_fd);
	free(s);
}

/* ---- bind ---------------------------------------------------------------
 */

static int
bind_server(void **server, const void *values, struct daemon_ports *ports,
	    struct err *e)
{
	struct sender *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "sender");
	s->o = values;
	s->data_fd = s->lock_fd = s->stop.fd = -1;
	name_host(s);
	struct routes_config way = routes_config("configuration", s->o);
	if (wake_init(&s->stop, e) != 0 ||
	    routes_new(&s->routes, &way, e) != 0 ||
	    services_new(&s->services, services, s, e) != 0 ||
	    services_bind(s->services, s->o, &s->o->tls, ports, e) != 0)
		goto fail;
	*server = s;
	return 0;
fail:
	stop(s);
	return -1;
}

/* ---- run ----------------------------------------------------------------
 */

static void
route(void *ctx, const char *reverse_path, const char *domain,
      char key[SCHEDULER_KEY_SIZE])
{
	struct sender *s = ctx;

	routes_key(s->routes, reverse_path, domain, key);
}

static void
deliver(void *ctx, const char *destination, struct scheduler_batch *b)
{
	struct sender *s = ctx;

	relay_deliver(&s->relay, destination, b);
}

static void
answered(void *ctx, const char *key)
{
	struct sender *s = ctx;

	scheduler_destination_up(s->scheduler, key);
}

static int
take_over(void *ctx, struct spool_msg *m, struct err *e)
{
	struct sender *s = ctx;

	if (scheduler_add(s->scheduler, &m, e) == 0)
		return 0;
	spool_msg_free(&m);
	return -1;
}

static int
open_queue(struct sender *s, struct err *e)
{
	const struct sender_options *o = s->o;

	struct spool_options keep = {
		.strict = o->durability == SENDER_STRICT,
		.message_max = (size_t)o->journal_message_max,
		.memory_max = (size_t)o->memory_max,
		.journal_bytes = JOURNAL_BYTES,
		.segment_bytes = SPOOL_SEGMENT_BYTES,
		.checkpoint_ms = o->checkpoint,
		.retry_ms = JOURNAL_RETRY_MS,
	};
	s->data_fd = daemon_open_data(o->data_dir, &s->lock_fd, e);
	if (s->data_fd < 0 ||
	    spool_open_with(&s->spool, s->data_fd, &keep, e) != 0)
		return -1;
	const int64_t most[LOGIN_LIMITS] = {
		[LOGIN_MESSAGES] = o->messages_per_hour,
		[LOGIN_RECIPIENTS] = o->recipients_per_hour,
	};
	if (login_limits_open(&s->limits, s->data_fd, most, e) != 0)
		return -1;
	/* mail flows all the same without */
	if (o->trails &&
	    trail_open(&s->trail, s->data_fd, TRAIL_FILE_BYTES, e) != 0)
		log_failure(LOG_ERROR, "no-trails", NULL, NULL, e);
	struct scheduler_options q = {
		.spool = s->spool,
		.hostname = s->hostname,
		.postmaster = s->postmaster,
		.threads = (int)o->connections,
		.per_destination = (int)o->connections_per_destination,
		.retry_min_ms = o->retry_min,
		.retry_max_ms = o->retry_max,
		.expiry_ms = o->expiry,
		.delay_warning_ms = o->delay_warning,
		.max_messages = (int)o->max_messages,
		.clock = scheduler_real_clock,
		.route = route,
		.deliver = deliver,
		.ctx = s,
	};
	if (scheduler_new(&s->scheduler, &q, e) != 0 ||
	    spool_scan(s->spool, take_over, s, e) != 0)
		return -1;
	struct log_line l;
	log_begin(&l, LOG_INFO, "queue");
	log_num(&l, "messages", scheduler_count(s->scheduler));
	log_end(&l);
	return 0;
}

static int
open_relay(struct sender *s, struct err *e)
{
	const struct sender_options *o = s->o;

	if (sender_reach_open(s, e) != 0 ||
	    pool_new(&s->relay_pool, o->relay_idle, e) != 0 ||
	    pool_new(&s->verify_pool, o->relay_idle, e) != 0)
		return -1;
	s->relay = (struct relay){
		.spool = s->spool,
		.pool = s->relay_pool,
		.trail = s->trail,
		.reach = &s->reach,
		.connect_timeout_ms = o->relay_connect,
		.command_timeout_ms = o->relay_command,
		.data_timeout_ms = o->relay_data,
		.final_timeout_ms = o->relay_final,
	};
	struct verify_options v = {
		.reach = &s->reach,
		.pool = s->verify_pool,
		.timeout_ms = o->verify_timeout,
		.yes_ttl_ms = o->verify_yes_ttl,
		.no_ttl_ms = o->verify_no_ttl,
		.cache_max = (int)o->verify_cache,
		.connections_max = (int)o->verify_connections,
		.answered = answered,
		.ctx = s,
	};
	return verify_new(&s->verify, &v, e);
}

/* Without it mail flows all the same. */
static void
open_control(struct sender *s)
{
	struct control_options c = { .data_fd = s->data_fd,
				     .scheduler = s->scheduler,
				     .trail = s->trail,
				     .routes = s->routes,
				     .reach = &s->reach,
				     .verify =
					 s->o->verify ? s->verify : NULL };
	struct err e;

	if (control_new(&s->control, &c, &e) != 0)
		log_failure(LOG_ERROR, "no-control-socket", NULL, NULL, &e);
}

static int
run(void *server, struct err *e)
{
	struct sender *s = server;
	const struct sender_options *o = s->o;

	if (network_list_new(&s->xclient_from, o->xclient_from.v,
			     o->xclient_from.n, e) != 0 ||
	    users_open(&s->users, o->users_file, e) != 0 ||
	    users_use_secret(s->users, e) != 0 ||
	    login_options_sasl(&s->sasl, &o->login, s->users, e) != 0 ||
	    open_queue(s, e) != 0 || open_relay(s, e) != 0)
		return -1;
	sasl_keep(s->sasl, s->data_fd);
	if (sender_filter_open(s, e) != 0 ||
	    services_open(s->services, e) != 0 ||
	    scheduler_start(s->scheduler, e) != 0)
		return -1;
	open_control(s);
	if (services_start(s->services, e) != 0)
		return -1;
	return sender_local_pickup(s, e);
}

/* ---- reload -------------------------------------------------------------
 * Users, routes and certificates are taken over, and everything in the queue is
 * tried at once; where we listen and all limits need a restart.
 */

static int
reload(void *server, const void *values, struct err *e)
{
	const struct sender_options *o = values;
	struct sender *s = server;
	struct routes_config way = routes_config("configuration", o);
	struct routes *routes = NULL;

	if (routes_new(&routes, &way, e) != 0)
		return -1;
	if (services_reload(s->services, &o->tls, e) != 0 ||
	    users_reload(s->users, e) != 0 || sender_filter_use(s, o, e) != 0) {
		routes_free(&routes);
		return -1;
	}
	routes_swap(s->routes, routes);
	routes_free(&routes);
	verify_forget(s->verify);
	scheduler_retry(s->scheduler);
	return 0;
}

static const char *const live[] = {
	"server/log-file",
	"server/log-level",
	"tls",
	"certificates",
	"milters",
	"routes",
	"submission/milters",
	"sender-routes",
	"credentials",
	NULL,
};

static const struct daemon_program program = {
	.name = "postpair-sender",
	.summary = "Accept mail from users, keep it, and relay it over SMTP.",
	.config_path = PATHS_CONF "/sender.conf",
	.values_size = sizeof(struct sender_options),
	.check = check,
	.settings = sender_options_settings,
	.bind = bind_server,
	.run = run,
	.reload = reload,
	.live = live,
	.stop = stop,
};

const struct daemon_program *
sender_program(void)
{
	return &program;
}
