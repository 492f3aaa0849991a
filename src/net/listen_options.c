#include "net/listen_options.h"

#include "net/listener.h"

const char *const listen_options_modes[] = { "0600", "0660", "0666", NULL };

void
listen_options_listener(const struct listen_options *o,
			struct listener_options *l)
{
	l->addresses = (const char *const *)o->listen.v;
	l->n_addresses = o->listen.n;
	l->tls_addresses = (const char *const *)o->listen_tls.v;
	l->n_tls_addresses = o->listen_tls.n;
	l->proxy_from = o->proxy_from.v;
	l->n_proxy_from = o->proxy_from.n;
	l->max_clients = (int)o->max_clients;
	l->max_per_address =
	    (int)(o->max_per_address > 0 ? o->max_per_address : o->max_clients);
	l->max_per_user = (int)o->max_per_user;
	l->socket_mode = listen_options_mode(o->mode);
	l->socket_group = o->group;
}

unsigned
listen_options_mode(int index)
{
	static const unsigned bits[] = { 0600, 0660, 0666 };

	return bits[index];
}
