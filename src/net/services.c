#include "net/services.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "net/network.h"

struct service_slot {
	const struct service *row;
	struct listener *listener; /* NULL: it listens nowhere */
	struct tls_server *tls;
	void *engine;
};

struct services {
	void *server;
	size_t n;
	struct service_slot slot[];
};

/* ---- configuration --------------------------------------------------------
 */

static struct listener_options
row_options(const struct service *row, const void *values)
{
	struct listener_options o = { .max_clients = 1, .max_per_address = 1 };

	row->options(values, &o);
	o.service = row->name;
	o.busy_reply = row->busy_reply;
	return o;
}

static int
check_networks(const char *path, const struct service *row,
	       const struct listener_options *o, struct err *e)
{
	struct network_list l = { 0 };

	if (network_list_new(&l, o->proxy_from, o->n_proxy_from, e) != 0)
		return err_prefix(e, "%s: [%s] proxy-from", path, row->name);
	network_list_free(&l);
	return 0;
}

int
services_check(const char *path, const struct service *rows, const void *values,
	       const struct tls_settings *tls, struct err *e)
{
	bool implicit = false;

	for (const struct service *row = rows; row->name != NULL; row++) {
		const struct listener_options o = row_options(row, values);
		if (check_networks(path, row, &o, e) != 0)
			return -1;
		implicit |= o.n_tls_addresses > 0;
	}
	return tls_settings_check(path, tls, implicit, e);
}

/* ---- start ----------------------------------------------------------------
 */

int
services_new(struct services **out, const struct service *rows, void *server,
	     struct err *e)
{
	size_t n = 0;

	while (rows[n].name != NULL)
		n++;
	struct services *s = calloc(1, sizeof(*s) + n * sizeof(s->slot[0]));
	if (s == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "services");
	s->server = server;
	s->n = n;
	for (size_t i = 0; i < n; i++)
		s->slot[i].row = &rows[i];
	*out = s;
	return 0;
}

static void
serve_slot(void *ctx, const struct listener_client *c)
{
	const struct service_slot *slot = ctx;

	slot->row->serve(slot->engine, c);
}

static void
note_ports(const struct service_slot *slot, const struct listener_options *o,
	   struct daemon_ports *ports)
{
	char tls[DAEMON_PORT_NAME_SIZE];

	(void)snprintf(tls, sizeof(tls), "%s-tls", slot->row->name);
	for (size_t i = 0; i < o->n_addresses + o->n_tls_addresses; i++) {
		uint16_t port = listener_port(slot->listener, i);
		if (port != 0) /* not a unix socket */
			daemon_ports_add(
			    ports, i < o->n_addresses ? slot->row->name : tls,
			    port);
	}
}

static int
bind_slot(struct service_slot *slot, const void *values,
	  struct daemon_ports *ports, struct err *e)
{
	struct listener_options o = row_options(slot->row, values);

	if (o.n_addresses + o.n_tls_addresses == 0)
		return 0;
	o.tls = slot->tls;
	o.serve = serve_slot;
	o.ctx = slot;
	if (listener_new(&slot->listener, &o, e) != 0)
		return -1;
	note_ports(slot, &o, ports);
	return 0;
}

int
services_bind(struct services *s, const void *values,
	      const struct tls_settings *tls, struct daemon_ports *ports,
	      struct err *e)
{
	if (services_reload(s, tls, e) != 0)
		return -1;
	for (size_t i = 0; i < s->n; i++) {
		if (bind_slot(&s->slot[i], values, ports, e) != 0)
			return -1;
	}
	return 0;
}

int
services_open(struct services *s, struct err *e)
{
	for (size_t i = 0; i < s->n; i++) {
		struct service_slot *slot = &s->slot[i];
		if (slot->row->open(s->server, slot->tls, &slot->engine, e) !=
		    0)
			return -1;
	}
	return 0;
}

int
services_start(struct services *s, struct err *e)
{
	for (size_t i = 0; i < s->n; i++) {
		struct listener *l = s->slot[i].listener;
		if (l != NULL && listener_start(l, e) != 0)
			return -1;
	}
	return 0;
}

/* What is made the first time is reloaded the next. */
int
services_reload(struct services *s, const struct tls_settings *tls,
		struct err *e)
{
	for (size_t i = 0; i < s->n; i++) {
		struct service_slot *slot = &s->slot[i];
		if (slot->row->alpn != NULL &&
		    tls_settings_server(&slot->tls, tls, slot->row->name,
					slot->row->alpn, e) != 0)
			return -1;
	}
	return 0;
}

/* ---- stop -----------------------------------------------------------------
 */

void
services_drain(struct services *s)
{
	for (size_t i = 0; s != NULL && i < s->n; i++) {
		if (s->slot[i].listener != NULL)
			listener_drain(s->slot[i].listener);
	}
}

void
services_stop(struct services *s, int64_t end_ms)
{
	services_drain(s);
	for (size_t i = 0; s != NULL && i < s->n; i++) {
		int64_t left = end_ms - clock_mono_ms();
		if (s->slot[i].listener != NULL)
			listener_stop(s->slot[i].listener, left > 0 ? left : 0);
	}
}

void
services_free(struct services **out)
{
	struct services *s = *out;

	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n; i++) {
		struct service_slot *slot = &s->slot[i];
		listener_free(&slot->listener);
		if (slot->engine != NULL)
			slot->row->close(slot->engine);
		tls_server_free(&slot->tls);
	}
	free(s);
	*out = NULL;
}
