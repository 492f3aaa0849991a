#include "milter/milter_filter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "milter/milter_filter_private.h"

/* ---- the client -----------------------------------------------------------
 */

static struct milter_setup *
setup_now(struct milter_filter *f)
{
	(void)pthread_mutex_lock(&f->lock);
	struct milter_setup *s = milter_setup_hold(f->setup);
	(void)pthread_mutex_unlock(&f->lock);
	return s;
}

enum { NAME_WAIT_MS = 5000 };

static void
put_name(char to[RESOLVE_NAME_SIZE], const char *name)
{
	(void)snprintf(to, RESOLVE_NAME_SIZE, "%s", name);
}

/* Milters judge a client by its name.  One that does not lead back to its
 * address is told as no more than that (client_ptr). */
static void
name_client(struct filter_session *s, const struct smtp_client_info *c)
{
	char name[RESOLVE_NAME_SIZE];
	bool confirmed = false;
	struct err e;

	put_name(s->name, c->is_loopback ? "localhost" : "unknown");
	if (!c->is_loopback && c->name != NULL && c->name[0] != '\0')
		put_name(s->name, c->name);
	put_name(s->ptr, s->name);
	if (c->is_loopback || c->name != NULL ||
	    resolve_address(c->address, clock_mono_ms() + NAME_WAIT_MS, c->kill,
			    name, &confirmed, &e) != 0)
		return;
	put_name(s->ptr, name);
	if (confirmed)
		put_name(s->name, name);
}

/* Programs of this machine have no address; milters know them by that of the
 * loopback interface, as they do with other servers. */
static void
describe(const struct milter_filter *f, struct filter_session *s,
	 const struct smtp_client_info *c)
{
	const char *address = c->is_unix ? "127.0.0.1" : c->address;

	name_client(s, c);
	(void)snprintf(s->origin, sizeof(s->origin), "%s [%s]", s->name,
		       address);
	(void)snprintf(s->port, sizeof(s->port), "%u", (unsigned)c->port);
	s->facts = (struct milter_facts){
		.hostname = f->o.hostname,
		.version = "postpair " PACKAGE_VERSION,
		/* what filters put into Authentication-Results */
		.daemon_name = f->o.hostname,
		.origin = s->origin,
		.client_address = address,
		.client_name = s->name,
		.client_ptr = s->ptr,
		.client_port = s->port,
	};
}

void
milter_filter_know(struct filter_session *s, const struct smtp_client_info *c)
{
	struct milter_facts *f = &s->facts;
	int bits = c->tls != NULL ? c->tls->bits : 0;

	if (c->tls != NULL) {
		(void)snprintf(s->cipher_bits, sizeof(s->cipher_bits), "%d",
			       bits);
		f->tls_version = c->tls->version;
		f->cipher = c->tls->cipher;
		f->cipher_bits = s->cipher_bits;
	}
	if (c->tls != NULL && c->tls->verified) {
		f->cert_subject = c->tls->subject;
		f->cert_issuer = c->tls->issuer;
	}
	/* RFC 4954: the strength that the mechanism itself has agreed on; ours
	 * agree on none, TLS is told of above. */
	f->auth_type = c->mechanism;
	f->auth_authen = c->login;
	f->auth_ssf = c->login[0] != '\0' ? "0" : "";
}

void
milter_filter_failed(const struct smtp_client_info *c, const char *step,
		     const struct err *why, struct smtp_reply *r)
{
	struct log_line l;

	reply_from_err(r, why);
	log_begin(&l, why->class == ERR_PERM ? LOG_WARN : LOG_ERROR,
		  "receive-failed");
	log_str(&l, "session", c->session);
	log_str(&l, "step", step);
	log_err(&l, why);
	log_end(&l);
}

static int
open_session(const struct milter_filter *f, struct milter_setup *setup,
	     struct smtp_client_info *c, struct err *e)
{
	struct milter_client client = { .session = c->session,
					.helo = c->helo,
					.port = c->port,
					.stop = c->kill };
	struct filter_session *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "filters");
	describe(f, s, c);
	if (milter_chain_new(&s->chain, setup, &s->facts, &client, e) != 0) {
		free(s);
		return -1;
	}
	c->filter = s;
	return 0;
}

static void
on_connect(void *ctx, struct smtp_client_info *c, struct smtp_reply *r)
{
	struct milter_filter *f = ctx;
	struct err e;

	reply_set(r, 250, NULL, "ok");
	if (f->o.policy->on_connect != NULL)
		f->o.policy->on_connect(f->o.policy_ctx, c, r);
	if (!milter_filter_accepts(r))
		return;
	struct milter_setup *setup = setup_now(f);
	if (setup == NULL)
		return;
	if (open_session(f, setup, c, &e) == 0)
		milter_chain_connect(
		    ((struct filter_session *)c->filter)->chain, r);
	else
		milter_filter_failed(c, "connect", &e, r);
	milter_setup_drop(&setup);
}

static void
on_disconnect(void *ctx, struct smtp_client_info *c)
{
	const struct milter_filter *f = ctx;
	struct filter_session *s = c->filter;

	if (s != NULL) {
		milter_chain_free(&s->chain);
		free(s);
		c->filter = NULL;
	}
	if (f->o.policy->on_disconnect != NULL)
		f->o.policy->on_disconnect(f->o.policy_ctx, c);
}

static void
on_helo(void *ctx, const struct smtp_client_info *c, const char *name,
	bool esmtp, struct smtp_reply *r)
{
	const struct milter_filter *f = ctx;
	struct filter_session *s = c->filter;

	reply_set(r, 250, NULL, "ok");
	if (f->o.policy->on_helo != NULL)
		f->o.policy->on_helo(f->o.policy_ctx, c, name, esmtp, r);
	if (s == NULL || !milter_filter_accepts(r))
		return;
	milter_filter_know(s, c);
	milter_chain_helo(s->chain, name, r);
}

static void
on_unknown(void *ctx, const struct smtp_client_info *c, struct span line,
	   struct smtp_reply *r)
{
	const struct milter_filter *f = ctx;
	struct filter_session *s = c->filter;

	if (f->o.policy->on_unknown != NULL)
		f->o.policy->on_unknown(f->o.policy_ctx, c, line, r);
	if (s != NULL)
		milter_chain_unknown(s->chain, line, r);
}

static void
on_queue(void *ctx, const struct smtp_client_info *c, const char *id,
	 struct smtp_reply *r)
{
	const struct milter_filter *f = ctx;

	f->o.policy->on_queue(f->o.policy_ctx, c, id, r);
}

/* ---- the filter -----------------------------------------------------------
 */

/* One more op in the engine is one more to hand on below. */
_Static_assert(sizeof(struct smtp_server_ops) == 12 * sizeof(void (*)(void)),
	       "every op of a policy is handed on");

int
milter_filter_new(struct milter_filter **out,
		  const struct milter_filter_options *o, struct err *e)
{
	struct milter_filter *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "filters");
	f->o = *o;
	f->ops = (struct smtp_server_ops){
		.on_connect = on_connect,
		.on_disconnect = on_disconnect,
		.on_helo = on_helo,
		.on_unknown = on_unknown,
		.on_mail = milter_filter_mail,
		.on_rcpt = milter_filter_rcpt,
		.on_data = milter_filter_data,
		.on_header = milter_filter_header,
		.on_body = milter_filter_body,
		.on_end = milter_filter_end,
		.on_reset = milter_filter_reset,
		/* to have one or not is a statement of the policy */
		.on_queue = o->policy->on_queue != NULL ? on_queue : NULL,
	};
	(void)pthread_mutex_init(&f->lock, NULL);
	*out = f;
	return 0;
}

void
milter_filter_free(struct milter_filter **out)
{
	struct milter_filter *f = *out;

	*out = NULL;
	if (f == NULL)
		return;
	milter_setup_drop(&f->setup);
	(void)pthread_mutex_destroy(&f->lock);
	free(f);
}

void
milter_filter_use(struct milter_filter *f, struct milter_setup **setup)
{
	(void)pthread_mutex_lock(&f->lock);
	struct milter_setup *old = f->setup;
	f->setup = *setup;
	(void)pthread_mutex_unlock(&f->lock);
	*setup = NULL;
	milter_setup_drop(&old);
}

const struct smtp_server_ops *
milter_filter_ops(const struct milter_filter *f)
{
	return &f->ops;
}
