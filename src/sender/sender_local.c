#include "net/unix_socket.h"
#include "sender/sender_private.h"

/* The service for programs of this machine: a socket whose clients the kernel
 * names, and the directory for when nobody listens on it. */

static void
serve_local(void *ctx, const struct listener_client *c)
{
	struct sender *s = ctx;

	smtp_server_session(s->local, c);
}

int
sender_local_bind(struct sender *s, struct err *e)
{
	const struct sender_options *o = s->o;
	const char *const path[] = { o->local_socket };
	struct listener_options l = {
		.service = "local",
		.addresses = path,
		.n_addresses = 1,
		.max_clients = (int)o->submission.max_clients,
		.max_per_address = (int)o->submission.max_per_address,
		.socket_mode = listen_options_mode(o->local_mode),
		.busy_reply = "421 4.3.2 too many clients, try again later\r\n",
		.serve = serve_local,
		.ctx = s,
	};

	if (local_users_new(&s->local_users, "configuration", &o->local_users,
			    s->hostname, e) != 0)
		return -1;
	if (path[0] == NULL || path[0][0] == '\0')
		return 0;
	if (!unix_socket_is_path(path[0]))
		return err_set(e, ERR_PERM, 0,
			       "local-socket must be an absolute path: %s",
			       path[0]);
	return listener_new(&s->local_listener, &l, e);
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
sender_local_make(struct sender *s, const struct smtp_server_options *o,
		  struct err *e)
{
	struct smtp_server_options smtp = *o;

	/* neither passwords nor TLS, and nobody who has to be kept waiting */
	smtp.service = "local";
	smtp.tls = NULL;
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
	return smtp_server_new(&s->local, &smtp, milter_filter_ops(s->filter),
			       s->filter, e);
}

int
sender_local_start(struct sender *s, struct err *e)
{
	struct pickup_options p = { .path = s->o->maildrop,
				    .smtp = s->local,
				    .users = s->local_users,
				    .hostname = s->hostname,
				    .postmaster = s->postmaster,
				    .size_max_bytes = s->o->size_max,
				    .expiry_ms = s->o->expiry };

	if (s->local_listener != NULL &&
	    listener_start(s->local_listener, e) != 0)
		return -1;
	if (p.path == NULL || p.path[0] == '\0')
		return 0;
	return pickup_new(&s->pickup, &p, e);
}
