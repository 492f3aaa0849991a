#include "receiver/receiver_limits.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/peer.h"
#include "base/rand.h"
#include "net/network.h"
#include "net/rate.h"

struct receiver_limits {
	struct siphash_key key;
	struct network_list exempt, trusted;
	struct rate *rate[RECEIVER_LIMITS]; /* NULL: no limit */
};

/* A limit is no verdict on the message: the client may come again (4xx).  421
 * for a connection, since there is nothing else to be had. */
static const struct {
	const char *name;
	int code;
	const char *enhanced;
} kinds[RECEIVER_LIMITS] = {
	[RECEIVER_CONNECTIONS] = { "connections", 421, "4.7.0" },
	[RECEIVER_MESSAGES] = { "messages", 450, "4.7.1" },
	[RECEIVER_RECIPIENTS] = { "recipients", 450, "4.7.1" },
};

static int
read_list(struct network_list *l, const char *path, const char *key,
	  const struct option_list *words, struct err *e)
{
	if (network_list_new(l, words->v, words->n, e) != 0)
		return err_prefix(e, "%s: %s", path, key);
	return 0;
}

int
receiver_limits_new(struct receiver_limits **out, const char *path,
		    const struct receiver_options *o, struct err *e)
{
	const int64_t most[RECEIVER_LIMITS] = {
		[RECEIVER_CONNECTIONS] = o->limit_connections,
		[RECEIVER_MESSAGES] = o->limit_messages,
		[RECEIVER_RECIPIENTS] = o->limit_recipients,
	};
	struct receiver_limits *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "limits");
	rand_bytes(&l->key, sizeof(l->key));
	if (read_list(&l->exempt, path, "limits: exempt", &o->limit_exempt,
		      e) != 0 ||
	    read_list(&l->trusted, path, "smtp: trust-results-from",
		      &o->trust_results, e) != 0)
		goto fail;
	for (int i = 0; i < RECEIVER_LIMITS; i++) {
		if (rate_new(&l->rate[i], most[i], o->limit_window, e) != 0)
			goto fail;
	}
	*out = l;
	return 0;
fail:
	receiver_limits_free(&l);
	return -1;
}

void
receiver_limits_free(struct receiver_limits **out)
{
	struct receiver_limits *l = *out;

	if (l == NULL)
		return;
	for (int i = 0; i < RECEIVER_LIMITS; i++)
		rate_free(&l->rate[i]);
	network_list_free(&l->exempt);
	network_list_free(&l->trusted);
	free(l);
	*out = NULL;
}

int
receiver_limits_take(struct receiver_limits *l, enum receiver_limit what,
		     const struct smtp_client_info *c, struct smtp_reply *r)
{
	struct log_line line;

	if (c->lmtp || l->rate[what] == NULL ||
	    network_list_has(&l->exempt, c->address) ||
	    rate_take(l->rate[what], peer_party(&l->key, c->address),
		      clock_mono_ms()))
		return 0;
	reply_set(r, kinds[what].code, kinds[what].enhanced,
		  "too many %s from %s, try again later", kinds[what].name,
		  c->address);
	log_begin(&line, LOG_WARN, "rate-limited");
	log_str(&line, "session", c->session);
	log_str(&line, "client", c->address);
	log_str(&line, "what", kinds[what].name);
	log_end(&line);
	return -1;
}

const struct network_list *
receiver_limits_exempt(const struct receiver_limits *l)
{
	return &l->exempt;
}

bool
receiver_limits_trusts(const struct receiver_limits *l,
		       const struct smtp_client_info *c)
{
	return network_list_has(&l->trusted, c->address);
}
