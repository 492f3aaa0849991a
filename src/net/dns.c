/*
 * libunbound resolves and validates on a thread of its own and says through a
 * descriptor that answers are there.  It also takes 200 KiB of stack to set
 * itself up, so every call that may be deep is made on one more thread, with a
 * large stack: it asks what others have put into a list, takes answers out and
 * copies each into a bounded struct.  Who asked waits on an eventfd with its
 * deadline and its stop.
 *
 * A question belongs to two: who asked, and that thread.  Who gives up cancels
 * it: then the callback will not come, and its share goes with ours.
 * ub_cancel() knows whether it was in time: it looks under the lock under which
 * answers are taken out.
 */
#include "net/dns.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/dial.h"
#include "net/dns_private.h"

enum {
	DNS_QUESTION_SIZE = DNS_NAME_SIZE + 32,
	DNS_PORT = 53,
	CLASS_IN = 1,
};

struct dns {
	char **servers; /* as libunbound writes them: "127.0.0.1@53" */
	size_t n_servers;
	char *trust_anchor;
	struct ub_ctx
	    *ub;  /* the thread's; set before anything is asked of it */
	int bell; /* eventfd: look into the list, or stop */
	pthread_t thread;
	pthread_mutex_t lock; /* guards the rest */
	bool running, stopping;
	struct dns_question *first, *last; /* not yet asked */
};

struct dns_question {
	struct dns *dns;
	struct dns_question *next; /* in the list */
	char name[DNS_QUESTION_SIZE];
	int type;
	/* under the lock of dns: */
	bool asked;   /* then id is libunbound's */
	bool dropped; /* before it was asked: never mind */
	int id;
	struct wake answered;
	pthread_mutex_t lock; /* guards the rest */
	int holders;
	struct dns_answer *answer; /* NULL after an answer: out of memory */
};

static void
release(struct dns_question *q, int shares)
{
	(void)pthread_mutex_lock(&q->lock);
	q->holders -= shares;
	bool last = q->holders == 0;
	(void)pthread_mutex_unlock(&q->lock);
	if (!last)
		return;
	free(q->answer);
	wake_close(&q->answered);
	(void)pthread_mutex_destroy(&q->lock);
	free(q);
}

/* ---- answers ------------------------------------------------------------
 */

static void
settle(struct dns_question *q, struct dns_answer *a)
{
	(void)pthread_mutex_lock(&q->lock);
	q->answer = a;
	(void)pthread_mutex_unlock(&q->lock);
	wake_raise(&q->answered);
	release(q, 1);
}

static void
on_answer(void *ctx, int err, struct ub_result *r)
{
	struct dns_answer *a =
	    err != 0 || r == NULL ? dns_answer_failed(err) : dns_answer_copy(r);

	ub_resolve_free(r);
	settle(ctx, a);
}

/* ---- the thread ---------------------------------------------------------
 */

/* Only what matters for correctness fails; the rest is tuning. */
static int
set_up(const struct dns *d, struct ub_ctx *ub)
{
	static const char *const tuning[][2] = {
		/* A name server that was down is tried again soon: mail waits
		 * for it. */
		{ "infra-host-ttl:", "60" }, { "infra-keep-probing:", "yes" },
		{ "msg-cache-size:", "1m" }, { "rrset-cache-size:", "2m" },
		{ "key-cache-size:", "1m" },
	};
	int rc = ub_ctx_async(ub, 1);

	(void)ub_ctx_debugout(ub, NULL);
	for (size_t i = 0; i < sizeof(tuning) / sizeof(tuning[0]); i++)
		(void)ub_ctx_set_option(ub, tuning[i][0], tuning[i][1]);
	if (rc == 0) /* a name server of ours may be on this machine */
		rc = ub_ctx_set_option(ub, "do-not-query-localhost:", "no");
	if (rc == 0 && d->n_servers == 0)
		rc = ub_ctx_resolvconf(ub, NULL);
	for (size_t i = 0; rc == 0 && i < d->n_servers; i++)
		rc = ub_ctx_set_fwd(ub, d->servers[i]);
	if (rc == 0 && d->trust_anchor != NULL)
		rc = ub_ctx_add_ta_file(ub, d->trust_anchor);
	/* libunbound answers for test. by itself (RFC 6761 6.2); a name server
	 * that the configuration names may well be there for it.  Last, since
	 * no other setting is taken after it. */
	if (rc == 0)
		rc = ub_ctx_zone_add(ub, "test.", "transparent");
	return rc;
}

/* Set up libunbound, if it is not; 0 or its error. */
static int
open_resolver(struct dns *d)
{
	if (d->ub != NULL)
		return 0;
	struct ub_ctx *ub = ub_ctx_create();
	int rc = ub == NULL ? UB_NOMEM : set_up(d, ub);
	if (rc == 0)
		d->ub = ub;
	else
		ub_ctx_delete(ub);
	return rc;
}

static void
ask_one(struct dns *d, struct dns_question *q)
{
	int id = 0, rc = open_resolver(d);

	/* Under the lock, so that who drops it knows whether it was asked; the
	 * callback comes from this thread alone, not before ub_process(). */
	(void)pthread_mutex_lock(&d->lock);
	bool dropped = q->dropped;
	if (rc == 0 && !dropped)
		rc = ub_resolve_async(d->ub, q->name, q->type, CLASS_IN, q,
				      on_answer, &id);
	if (rc == 0 && !dropped) {
		q->id = id;
		q->asked = true;
	}
	(void)pthread_mutex_unlock(&d->lock);
	if (dropped)
		release(q, 1);
	else if (rc != 0)
		settle(q, dns_answer_failed(rc));
}

static struct dns_question *
take_question(struct dns *d, bool *stop)
{
	(void)pthread_mutex_lock(&d->lock);
	struct dns_question *q = d->first;
	if (q != NULL)
		d->first = q->next;
	if (d->first == NULL)
		d->last = NULL;
	*stop = d->stopping;
	(void)pthread_mutex_unlock(&d->lock);
	return q;
}

static void
serve(void *arg)
{
	struct dns *d = arg;
	struct dns_question *q;
	bool stop = false;

	while (!stop) {
		struct pollfd p[2] = { { .fd = d->bell, .events = POLLIN },
				       { .fd =
					     d->ub == NULL ? -1 : ub_fd(d->ub),
					 .events = POLLIN } };
		uint64_t rings;

		(void)poll(p, 2, -1);
		if (p[0].revents != 0 && read(d->bell, &rings, 8) < 0 &&
		    errno != EAGAIN && errno != EINTR)
			return; /* cannot be */
		if (p[1].revents != 0)
			(void)ub_process(d->ub);
		while ((q = take_question(d, &stop)) != NULL)
			ask_one(d, q);
	}
	ub_ctx_delete(d->ub);
}

static void
ring(const struct dns *d)
{
	uint64_t one = 1;
	ssize_t ignored = write(d->bell, &one, sizeof(one));

	(void)ignored; /* full: it rings already */
}

/* ---- life ---------------------------------------------------------------
 */

static int
add_server(struct dns *d, const char *text, struct err *e)
{
	char host[NET_HOST_SIZE], out[NET_HOST_SIZE + 8];
	uint16_t port;

	if (net_endpoint(span_of(text), DNS_PORT, host, &port, e) != 0)
		return -1;
	if (host[strspn(host, "0123456789abcdefABCDEF.:")] != '\0')
		return err_set(e, ERR_PERM, 0,
			       "name server '%s': an address is needed", text);
	(void)snprintf(out, sizeof(out), "%s@%u", host, (unsigned)port);
	d->servers[d->n_servers] = strdup(out);
	return d->servers[d->n_servers++] != NULL
		   ? 0
		   : err_set(e, ERR_TEMP, ENOMEM, "name servers");
}

int
dns_new(struct dns **out, const struct dns_options *o, struct err *e)
{
	struct dns *d = calloc(1, sizeof(*d));
	bool anchored = o->trust_anchor != NULL && o->trust_anchor[0] != '\0';

	if (d == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "name servers");
	(void)pthread_mutex_init(&d->lock, NULL);
	d->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	d->servers = calloc(o->n_servers + 1, sizeof(*d->servers));
	if (anchored)
		d->trust_anchor = strdup(o->trust_anchor);
	if (d->bell < 0 || d->servers == NULL ||
	    (anchored && d->trust_anchor == NULL)) {
		(void)err_set(e, ERR_TEMP, ENOMEM, "name servers");
		goto fail;
	}
	for (size_t i = 0; i < o->n_servers; i++) {
		if (add_server(d, o->servers[i], e) != 0)
			goto fail;
	}
	if (anchored && access(d->trust_anchor, R_OK) != 0) {
		(void)err_set(e, ERR_PERM, errno, "trust anchor %s",
			      d->trust_anchor);
		goto fail;
	}
	*out = d;
	return 0;
fail:
	dns_free(&d);
	return -1;
}

void
dns_free(struct dns **out)
{
	struct dns *d = *out;

	if (d == NULL)
		return;
	if (d->running) {
		(void)pthread_mutex_lock(&d->lock);
		d->stopping = true;
		(void)pthread_mutex_unlock(&d->lock);
		ring(d);
		(void)pthread_join(d->thread, NULL);
	}
	if (d->bell >= 0)
		(void)close(d->bell);
	for (size_t i = 0; d->servers != NULL && i < d->n_servers; i++)
		free(d->servers[i]);
	free(d->servers);
	free(d->trust_anchor);
	(void)pthread_mutex_destroy(&d->lock);
	free(d);
	*out = NULL;
}

/* ---- questions ----------------------------------------------------------
 */

static struct dns_question *
question_new(struct dns *d, const char *name, enum dns_type type, struct err *e)
{
	struct dns_question *q = calloc(1, sizeof(*q));

	if (q == NULL || wake_init(&q->answered, e) != 0) {
		free(q);
		(void)err_set(e, ERR_TEMP, ENOMEM, "DNS question");
		return NULL;
	}
	q->dns = d;
	q->type = (int)type;
	q->holders = 2;
	(void)snprintf(q->name, sizeof(q->name), "%s", name);
	(void)pthread_mutex_init(&q->lock, NULL);
	return q;
}

int
dns_begin(struct dns *d, const char *name, enum dns_type type,
	  struct dns_question **out, struct err *e)
{
	*out = NULL;
	if (strlen(name) >= DNS_QUESTION_SIZE)
		return err_set(e, ERR_TEMP, 0, "a name is too long to ask for");
	struct dns_question *q = question_new(d, name, type, e);
	if (q == NULL)
		return -1;
	(void)pthread_mutex_lock(&d->lock);
	int rc = d->running ? 0 : thread_start_deep(&d->thread, serve, d, e);
	if (rc == 0) {
		d->running = true;
		*(d->last != NULL ? &d->last->next : &d->first) = q;
		d->last = q;
	}
	(void)pthread_mutex_unlock(&d->lock);
	if (rc != 0) {
		release(q, 2);
		return -1;
	}
	ring(d);
	*out = q;
	return 0;
}

void
dns_drop(struct dns_question **out)
{
	struct dns_question *q = *out;
	int shares = 1;

	if (q == NULL)
		return;
	(void)pthread_mutex_lock(&q->dns->lock);
	if (!q->asked)
		q->dropped = true;
	else if (ub_cancel(q->dns->ub, q->id) == 0)
		shares = 2;
	(void)pthread_mutex_unlock(&q->dns->lock);
	release(q, shares);
	*out = NULL;
}

static int
await_answer(const struct dns_question *q, int64_t deadline_ms,
	     const struct wake *stop, struct err *e)
{
	for (;;) {
		struct pollfd p[2] = {
			{ .fd = wake_fd(&q->answered), .events = POLLIN },
			{ .fd = stop == NULL ? -1 : wake_fd(stop),
			  .events = POLLIN }
		};
		int64_t left = deadline_ms - clock_mono_ms();
		int n = poll(p, 2,
			     left > 60000 ? 60000
			     : left < 0   ? 0
					  : (int)left);
		if (n < 0 && errno != EINTR)
			return err_set(e, ERR_TEMP, errno, "poll");
		if (n > 0 && p[0].revents != 0)
			return 0;
		if (n > 0 && p[1].revents != 0)
			return err_set(e, ERR_STOP, 0, "shutting down");
		if (left <= 0)
			return err_set(e, ERR_TIMEOUT, 0,
				       "no answer from the name server");
	}
}

int
dns_await(struct dns_question **out, int64_t deadline_ms,
	  const struct wake *stop, struct dns_answer **a, struct err *e)
{
	struct dns_question *q = *out;

	*a = NULL;
	if (await_answer(q, deadline_ms, stop, e) != 0) {
		dns_drop(out);
		return -1;
	}
	(void)pthread_mutex_lock(&q->lock);
	*a = q->answer;
	q->answer = NULL;
	(void)pthread_mutex_unlock(&q->lock);
	release(q, 1);
	*out = NULL;
	return *a != NULL ? 0 : err_set(e, ERR_TEMP, ENOMEM, "DNS answer");
}

int
dns_ask(struct dns *d, const char *name, enum dns_type type,
	int64_t deadline_ms, const struct wake *stop, struct dns_answer **a,
	struct err *e)
{
	struct dns_question *q = NULL;

	*a = NULL;
	if (dns_begin(d, name, type, &q, e) != 0)
		return -1;
	return dns_await(&q, deadline_ms, stop, a, e);
}
