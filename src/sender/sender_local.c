#include "net/unix_socket.h"
#include "sender/sender_private.h"

/* The service for programs of this machine: a socket whose clients the kernel
 * names, and the directory for when nobody listens on it. */

static bool
has_socket(const struct sender_options *o)
{
	return o->local_socket != NULL && o->local_socket[0] != '\0';
}

int
sender_local_check(const char *path, const struct sender_options *o,
		   struct err *e)
{
	if (has_socket(o) && !unix_socket_is_path(o->local_socket))
		return err_set(e, ERR_PERM, 0,
			       "%s: local-socket must be an absolute path: %s",
			       path, o->local_socket);
	return 0;
}

void
sender_local_options(const void *values, struct listener_options *l)
{
	const struct sender_options *o = values;

	if (!has_socket(o))
		return;
	l->addresses = (const char *const *)&o->local_socket;
	l->n_addresses = 1;
	l->max_clients = (int)o->submission.max_clients;
	l->max_per_address = (int)o->submission.max_per_address;
	l->socket_mode = listen_options_mode(o->local_mode);
}

static bool
local_user(void *ctx, uid_t uid, struct user *user)
{
	const struct sender *s = ctx;
	char login[ADDRESS_SIZE];

	return local_users_login(s->local_users, uid, login) &&
	       span_copy(span_of(login), user->address,
			 sizeof(user->address)) == 0;
}

int
sender_local_open(void *server, struct tls_server *tls, void **engine,
		  struct err *e)
{
	struct sender *s = server;
	struct smtp_server_options smtp = sender_submission_smtp(s);

	/* neither passwords nor TLS, and nobody who has to be kept waiting */
	smtp.service = "local";
	smtp.tls = tls;
	smtp.tls_required = false;
	smtp.xclient_from = NULL;
	smtp.sasl = NULL;
	smtp.greet_pause_ms = 0;
	smtp.delivery_ids = true; /* of hand-overs */
	/* A program is told one thing of all its recipients, so all of them are
	 * taken at once or none (RFC 5321 4.5.3.1.8 has a least number). */
	smtp.recipients_max = SMTP_HAND_OVER_MAX;
	smtp.local_user = local_user;
	smtp.local_ctx = s;
	if (local_users_new(&s->local_users, "configuration",
			    &s->o->local_users, s->hostname, e) != 0 ||
	    smtp_server_new(&s->local, &smtp, milter_filter_ops(s->filter),
			    s->filter, e) != 0)
		return -1;
	*engine = s->local;
	return 0;
}

int
sender_local_pickup(struct sender *s, struct err *e)
{
	struct pickup_options p = { .path = s->o->maildrop,
				    .smtp = s->local,
				    .users = s->local_users,
				    .hostname = s->hostname,
				    .postmaster = s->postmaster,
				    .size_max_bytes = s->o->size_max,
				    .expiry_ms = s->o->expiry };

	if (p.path == NULL || p.path[0] == '\0')
		return 0;
	return pickup_new(&s->pickup, &p, e);
}
