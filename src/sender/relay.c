#include "sender/relay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/crc32.h"
#include "mail/utf8.h"
#include "sender/routes.h"

/* One delivery under way. */
struct delivery {
	struct relay *relay;
	const char *key;
	struct scheduler_batch *b;
	struct smtp_client *client;
	bool client_is_kept;         /* it was used before: may have died */
	struct spool_reader *reader; /* opened when the peer wants the text */
	bool damaged;                /* the file is not what was accepted */
	int64_t end_ms;              /* no transaction begins after it */
	struct trail_hop hop;
};

static void
set_verdict(struct scheduler_verdict *v, const struct smtp_reply *r)
{
	v->outcome = r->code / 100 == 2   ? SCHEDULER_DELIVERED
		     : r->code / 100 == 5 ? SCHEDULER_FAILED
					  : SCHEDULER_DEFERRED;
	v->peer_said = true;
	reply_one_line(r, v->reply, sizeof(v->reply));
}

/* The same for every recipient that has no verdict yet. */
static void
set_rest(struct scheduler_batch *b, enum scheduler_outcome outcome,
	 const char *reply)
{
	for (unsigned i = 0; i < b->n; i++) {
		if (b->verdicts[i].outcome != SCHEDULER_UNTRIED)
			continue;
		b->verdicts[i].outcome = outcome;
		(void)snprintf(b->verdicts[i].reply,
			       sizeof(b->verdicts[i].reply), "%s", reply);
	}
}

static void
on_line(void *ctx, char direction, struct span line)
{
	struct delivery *d = ctx;

	trail_hop_line(&d->hop, direction, line);
}

/* ---- connection ---------------------------------------------------------
 */

/*
 * What a message demands of TLS.  A report is of a message that may have
 * demanded it, and goes as safely as it can, rather than not (RFC 8689 5).
 */
static enum spool_tls
need_of(const struct spool_msg *m)
{
	return m->reverse_path[0] == '\0' && m->tls == SPOOL_TLS_REQUIRED
		   ? SPOOL_TLS_ANY
		   : m->tls;
}

static int
connect_to(struct delivery *d, struct err *e)
{
	struct reach_try t = {
		.connect_timeout_ms = d->relay->connect_timeout_ms,
		.command_timeout_ms = d->relay->command_timeout_ms,
		.data_timeout_ms = d->relay->data_timeout_ms,
		.final_timeout_ms = d->relay->final_timeout_ms,
		.need = need_of(d->b->msg),
		.trace = on_line,
		.trace_ctx = d,
		.code = 451,
		.enhanced = "4.4.1",
	};
	struct route way;

	d->client_is_kept = false;
	trail_hop_linef(&d->hop, '=', "connecting to %s", d->key);
	/* the scheduler keeps the key only: it is read for a connection */
	int rc = route_parse(span_of(d->key), &way, e);
	if (rc == 0)
		rc = reach_open(d->relay->reach, &way, &t, &d->client, e);
	memcpy(d->b->peer, t.peer, sizeof(d->b->peer));
	if (rc != 0)
		(void)snprintf(d->b->why, sizeof(d->b->why), "%d %s %s", t.code,
			       t.enhanced, e->msg);
	return rc;
}

/* ---- message ------------------------------------------------------------
 */

static long
read_bytes(void *ctx, char *p, unsigned long size, struct err *e)
{
	struct delivery *d = ctx;

	if (d->reader == NULL &&
	    spool_read_open(&d->reader, d->relay->spool, d->b->msg, e) != 0) {
		d->damaged = e->class == ERR_PERM;
		return -1;
	}
	long n = spool_read(d->reader, p, size, e);
	if (n < 0 && e->class == ERR_PERM)
		d->damaged = true;
	return n;
}

/*
 * The same at every try and after every restart, so that a receiver of ours
 * that has the message, and whose answer was lost, does not take it twice.
 * What an earlier version queued has the name that it gave: the queue id, and
 * the checksum of its host's.
 */
static void
name_delivery(const struct delivery *d, char id[SPOOL_DELIVERY_SIZE])
{
	const char *helo = d->relay->reach->helo;

	if (!spool_delivery_id(d->b->msg, id))
		(void)snprintf(id, SPOOL_DELIVERY_SIZE, "%s.%08x",
			       d->b->msg->id,
			       (unsigned)crc32_add(0, helo, strlen(helo)));
}

/*
 * A next hop without SMTPUTF8 can have what is ASCII: the text, and the
 * addresses of this transaction (RFC 6531 3.6).
 */
static bool
needs_utf8(const struct delivery *d, unsigned first, unsigned n)
{
	const struct spool_msg *m = d->b->msg;
	bool ascii = !m->eight_bit && utf8_is_ascii(span_of(m->reverse_path));

	for (unsigned i = first; i < first + n && ascii; i++)
		ascii = utf8_is_ascii(span_of(
		    m->recipients[d->b->verdicts[i].recipient].address));
	return m->smtputf8 && !ascii;
}

/*
 * One transaction for the verdicts first..first+n.  -1: no valid answer; what
 * the peer had refused by then is set, the others stay untried.
 */
static int
transact(struct delivery *d, unsigned first, unsigned n, struct err *e)
{
	const struct spool_msg *m = d->b->msg;
	struct smtp_send_rcpt *to = calloc(n, sizeof(*to));
	char id[SPOOL_DELIVERY_SIZE];
	struct smtp_send send = { .reverse_path = m->reverse_path,
				  .recipients = to,
				  .n_recipients = n,
				  .eight_bit = m->eight_bit,
				  .smtputf8 = needs_utf8(d, first, n),
				  .require_tls = m->tls == SPOOL_TLS_REQUIRED,
				  .ret = m->ret,
				  .envid = m->envid,
				  .delivery_id = id,
				  .size = m->size,
				  .read_bytes = read_bytes,
				  .ctx = d };

	if (to == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "delivery");
	name_delivery(d, id);
	for (unsigned i = 0; i < n; i++) {
		const struct spool_rcpt *r =
		    &m->recipients[d->b->verdicts[first + i].recipient];
		to[i].address = r->address;
		to[i].notify = r->notify;
		to[i].orcpt = r->orcpt;
	}
	/* RFC 3461 5.2.1: who is given NOTIFY reports success itself; 5.2.2:
	 * for all others it ends here, and we do. */
	bool peer_reports =
	    (smtp_client_extensions(d->client) & SMTP_EXT_DSN) != 0;
	int rc = smtp_client_send(d->client, &send, e);
	for (unsigned i = 0; i < n; i++) {
		struct scheduler_verdict *v = &d->b->verdicts[first + i];
		if (to[i].reply.code == 0)
			continue;
		set_verdict(v, &to[i].reply);
		v->peer_reports = peer_reports;
	}
	spool_read_close(&d->reader);
	free(to);
	return rc;
}

static bool
is_untried(const struct scheduler_batch *b, unsigned first, unsigned n)
{
	for (unsigned i = first; i < first + n; i++) {
		if (b->verdicts[i].outcome != SCHEDULER_UNTRIED)
			return false;
	}
	return true;
}

static void
report_failure(struct delivery *d, const struct err *e)
{
	char text[SPOOL_REPLY_MAX];

	if (d->damaged) {
		spool_set_aside(d->relay->spool, d->b->msg->id,
				d->b->msg->message_at, e->msg);
		set_rest(d->b, SCHEDULER_FAILED,
			 "554 5.3.0 The message was damaged in the queue");
	} else if (e->class != ERR_STOP) {
		(void)snprintf(text, sizeof(text), "451 4.4.2 %s", e->msg);
		set_rest(d->b, SCHEDULER_DEFERRED, text);
	}
}

/* How many from `first` on, which is untried, go into one transaction: as many
 * as the peer takes (RFC 9422); its RCPTDOMAINMAX is for the whole session. */
static unsigned
run_from(const struct delivery *d, unsigned first)
{
	const struct smtp_client_limits *l = smtp_client_limits(d->client);
	struct smtp_client_domains had = *smtp_client_domains(d->client);
	const struct scheduler_batch *b = d->b;
	unsigned n = 0, max = SMTP_RECIPIENTS_MAX;

	if (l->recipients > 0 && l->recipients < max)
		max = l->recipients;
	while (n < max && first + n < b->n && is_untried(b, first + n, 1)) {
		unsigned recipient = b->verdicts[first + n].recipient;
		smtp_client_count_domain(&had,
					 b->msg->recipients[recipient].address);
		if (l->domains > 0 && had.n > l->domains)
			break;
		n++;
	}
	return n;
}

/*
 * All transactions over d->client that it may have.  1: it is used up, and some
 * are left; -1: it broke, *e says how.
 *
 * Each has its limits, but there may be a hundred of them where the peer takes
 * one recipient a time: who is left when the time is over waits for the next
 * try.
 */
static int
send_all(struct delivery *d, struct err *e)
{
	unsigned n;

	for (unsigned first = 0; first < d->b->n; first += n) {
		if (!is_untried(d->b, first, 1)) {
			n = 1; /* done before the connection was renewed */
			continue;
		}
		if (!is_untried(d->b, 0, d->b->n) &&
		    clock_mono_ms() >= d->end_ms) {
			set_rest(d->b, SCHEDULER_DEFERRED,
				 "451 4.5.3 The server took too long over "
				 "other recipients");
			return 0;
		}
		n = run_from(d, first);
		if (n == 0 || smtp_client_is_used_up(d->client))
			return 1;
		if (transact(d, first, n, e) != 0)
			return -1;
	}
	return 0;
}

static void
deliver(struct delivery *d)
{
	struct scheduler_batch *b = d->b;
	struct err e = { 0 };

	if (d->key[0] == ROUTES_NONE) {
		set_rest(b, SCHEDULER_FAILED,
			 "550 5.1.2 No route to this domain");
		return;
	}
	/* What others left open need not be what this message demands. */
	if (need_of(b->msg) == SPOOL_TLS_ANY)
		d->client = pool_take(d->relay->pool, d->key, b->peer);
	d->client_is_kept = d->client != NULL;
	if (d->client_is_kept) {
		smtp_client_set_trace(d->client, on_line, d);
		trail_hop_linef(&d->hop, '=', "kept connection to %s", d->key);
	}
	for (;;) {
		if (d->client == NULL && connect_to(d, &e) != 0) {
			if (e.class == ERR_PERM)
				set_rest(b, SCHEDULER_FAILED, b->why);
			else if (e.class != ERR_STOP &&
				 need_of(b->msg) == SPOOL_TLS_REQUIRED)
				set_rest(b, SCHEDULER_DEFERRED, b->why);
			else
				b->destination_failed = e.class != ERR_STOP;
			return;
		}
		scheduler_answered(b);
		int rc = send_all(d, &e);
		if (rc > 0) {
			smtp_client_close(&d->client, true);
			continue;
		}
		if (rc == 0) {
			smtp_client_set_trace(d->client, NULL, NULL);
			if (b->msg->tls != SPOOL_TLS_OPTIONAL)
				pool_give(d->relay->pool, d->key, b->peer,
					  &d->client);
			smtp_client_close(&d->client, true);
			return;
		}
		smtp_client_close(&d->client, false);
		/*
		 * A kept connection that broke before it answered anything was
		 * stale: nothing was given away, so try once over a new one.
		 */
		if (!d->client_is_kept || e.class != ERR_CLOSED ||
		    !is_untried(b, 0, b->n))
			break;
	}
	report_failure(d, &e);
}

static void
note_result(struct delivery *d)
{
	const struct scheduler_batch *b = d->b;
	unsigned n[4] = { 0 };

	for (unsigned i = 0; i < b->n; i++)
		n[b->verdicts[i].outcome]++;
	if (b->destination_failed)
		trail_hop_linef(&d->hop, '=', "not reached: %s", b->why);
	else
		trail_hop_linef(&d->hop, '=',
				"%u delivered, %u deferred, %u failed, "
				"%u not tried",
				n[SCHEDULER_DELIVERED], n[SCHEDULER_DEFERRED],
				n[SCHEDULER_FAILED], n[SCHEDULER_UNTRIED]);
}

void
relay_deliver(struct relay *relay, const char *destination,
	      struct scheduler_batch *b)
{
	struct delivery d = { .relay = relay,
			      .key = destination,
			      .b = b,
			      .end_ms =
				  clock_mono_ms() + relay->data_timeout_ms };

	trail_hop_begin(&d.hop);
	deliver(&d);
	note_result(&d);
	trail_write(relay->trail, b->msg->id, &d.hop);
}
