/*
 * A policy is asked for again when the id of the TXT record changes or when it
 * is older than it may be.  Neither a record that is gone nor a fetch that
 * fails ends a policy that is still valid (RFC 8461 3.1, 3.3): else whoever can
 * block them could.
 */
#include "sender/sts.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/https.h"
#include "sender/sts_store.h"

enum {
	PENDING_MAX = 64,
	AGAIN_MS = 300000, /* RFC 8461 3.3: not before five minutes */
};

/* A fetch under way, or one that failed lately. */
struct pending {
	char domain[DNS_NAME_SIZE]; /* "": free */
	bool busy;
	int64_t until_ms;
};

struct sts {
	struct sts_options o;
	int fd; /* the directory */
	pthread_mutex_t lock;
	pthread_cond_t changed; /* a fetch ended */
	unsigned written;       /* since the files were counted */
	bool started;           /* https_start */
	struct pending pending[PENDING_MAX];
};

int
sts_new(struct sts **out, const struct sts_options *o, struct err *e)
{
	struct sts *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "MTA-STS");
	s->o = *o;
	s->fd = sts_store_open(o->data_fd, STS_DOMAINS_MAX, e);
	if (s->fd < 0) {
		free(s);
		return -1;
	}
	(void)pthread_mutex_init(&s->lock, NULL);
	cond_init_mono(&s->changed);
	*out = s;
	return 0;
}

void
sts_free(struct sts **out)
{
	struct sts *s = *out;

	if (s == NULL)
		return;
	(void)close(s->fd);
	if (s->started)
		https_end();
	(void)pthread_cond_destroy(&s->changed);
	(void)pthread_mutex_destroy(&s->lock);
	free(s);
	*out = NULL;
}

/* ---- whose turn it is ---------------------------------------------------
 */

static struct pending *
find_pending(struct sts *s, const char *domain)
{
	for (int i = 0; i < PENDING_MAX; i++) {
		if (strcmp(s->pending[i].domain, domain) == 0)
			return &s->pending[i];
	}
	return NULL;
}

/* A place for one more; NULL: all are busy. */
static struct pending *
free_pending(struct sts *s)
{
	struct pending *best = NULL;

	for (int i = 0; i < PENDING_MAX; i++) {
		struct pending *p = &s->pending[i];
		if (!p->busy && (best == NULL || p->until_ms < best->until_ms))
			best = p;
	}
	return best;
}

/* True: fetch it, then end_turn.  False: someone just did, or could not. */
static bool
begin_turn(struct sts *s, const char *domain, int64_t deadline_ms)
{
	struct pending *p;
	bool mine = false;

	(void)pthread_mutex_lock(&s->lock);
	if (!s->started && https_start(NULL) == 0)
		s->started = true;
	while ((p = find_pending(s, domain)) != NULL && p->busy &&
	       cond_wait_until(&s->changed, &s->lock, deadline_ms) == 0)
		;
	if (s->started &&
	    (p == NULL || (!p->busy && p->until_ms <= clock_mono_ms())))
		p = p != NULL ? p : free_pending(s);
	else
		p = NULL;
	if (p != NULL) {
		(void)snprintf(p->domain, sizeof(p->domain), "%s", domain);
		p->busy = mine = true;
	}
	(void)pthread_mutex_unlock(&s->lock);
	return mine;
}

static void
end_turn(struct sts *s, const char *domain, bool ok)
{
	(void)pthread_mutex_lock(&s->lock);
	struct pending *p = find_pending(s, domain);
	if (p != NULL) {
		p->busy = false;
		p->until_ms = clock_mono_ms() + AGAIN_MS;
		if (ok)
			p->domain[0] = '\0';
	}
	if (ok && ++s->written % 500 == 0) {
		int fd = sts_store_open(s->o.data_fd, STS_DOMAINS_MAX, NULL);
		if (fd >= 0)
			(void)close(fd);
	}
	(void)pthread_cond_broadcast(&s->changed);
	(void)pthread_mutex_unlock(&s->lock);
}

/* ---- fetching -----------------------------------------------------------
 */

static void
log_policy(const char *domain, const char *id, const struct sts_policy *p)
{
	struct log_line l;

	log_begin(&l, LOG_INFO, "sts-policy");
	log_str(&l, "domain", domain);
	log_str(&l, "id", id);
	log_str(&l, "mode", sts_mode_name(p->mode));
	log_num(&l, "max-age", p->max_age_s);
	log_end(&l);
}

static int
fetch(struct sts *s, const char *domain, const char *id,
      const struct wake *stop, struct sts_kept *k, struct err *e)
{
	struct https_options o = { .max_bytes = STS_POLICY_MAX,
				   .timeout_ms = s->o.timeout_ms,
				   .ca_file = s->o.ca_file,
				   .connect_to = s->o.connect_to };
	char url[DNS_NAME_SIZE + 64];
	char *text = NULL;
	size_t n = 0;

	(void)snprintf(url, sizeof(url),
		       "https://mta-sts.%s/.well-known/mta-sts.txt", domain);
	if (https_get(url, &o, stop, &text, &n, e) != 0)
		return -1;
	int rc = sts_policy_parse(span_make(text, n), &k->policy, e);
	if (rc != 0) {
		(void)err_prefix(e, "%s", url);
	} else {
		struct err why;
		(void)snprintf(k->id, sizeof(k->id), "%s", id);
		k->fetched_s = clock_wall_s();
		log_policy(domain, id, &k->policy);
		if (sts_store_write(s->fd, domain, id, k->fetched_s,
				    span_make(text, n), &why) != 0)
			log_failure(LOG_WARN, "sts-not-kept", "domain", domain,
				    &why);
	}
	free(text);
	return rc;
}

/* ---- finding ------------------------------------------------------------
 */

/* RFC 8461 3.1: exactly one record that is one.  False: none. */
static bool
find_record(struct sts *s, const char *domain, int64_t deadline_ms,
	    const struct wake *stop, char id[STS_ID_SIZE], struct err *e)
{
	char name[DNS_NAME_SIZE + 16], text[DNS_TXT_SIZE], one[STS_ID_SIZE];
	struct dns_answer *a = NULL;
	unsigned n = 0;

	(void)snprintf(name, sizeof(name), "_mta-sts.%s", domain);
	if (dns_ask(s->o.dns, name, DNS_TXT, deadline_ms, stop, &a, e) != 0)
		return false;
	for (unsigned i = 0; i < a->n; i++) {
		if (dns_rdata_txt(a->rdata[i], text) == 0 &&
		    sts_record_parse(span_of(text), one) == 0 && n++ == 0)
			memcpy(id, one, sizeof(one));
	}
	free(a);
	return n == 1;
}

static bool
is_valid(const struct sts_kept *k)
{
	int64_t age = clock_wall_s() - k->fetched_s;

	return age >= 0 && age <= k->policy.max_age_s;
}

/* Bring *k up to date with the record; false: there is no policy. */
static bool
refresh(struct sts *s, const char *domain, const char *id, bool kept,
	int64_t deadline_ms, const struct wake *stop, struct sts_kept *k,
	struct err *e)
{
	struct sts_kept *fresh = NULL;

	if (!begin_turn(s, domain, deadline_ms)) {
		/* what another one fetched meanwhile */
		return kept ||
		       (sts_store_read(s->fd, domain, k) == 0 && is_valid(k));
	}
	fresh = calloc(1, sizeof(*fresh));
	int rc = fresh == NULL ? err_set(e, ERR_TEMP, ENOMEM, "MTA-STS")
			       : fetch(s, domain, id, stop, fresh, e);
	end_turn(s, domain, rc == 0);
	if (rc == 0)
		*k = *fresh;
	else if (e->class != ERR_STOP)
		log_failure(LOG_WARN, "sts-not-fetched", "domain", domain, e);
	free(fresh);
	return rc == 0 || kept;
}

int
sts_find(struct sts *s, const char *domain, int64_t deadline_ms,
	 const struct wake *stop, struct sts_policy **p, struct err *e)
{
	struct sts_kept *k = calloc(1, sizeof(*k));
	char id[STS_ID_SIZE] = "";

	*p = NULL;
	if (k == NULL)
		return 0; /* as without MTA-STS */
	bool have = sts_store_read(s->fd, domain, k) == 0 && is_valid(k);
	e->class = ERR_TEMP;
	bool announced = find_record(s, domain, deadline_ms, stop, id, e);
	if (announced && (!have || strcmp(id, k->id) != 0))
		have = refresh(s, domain, id, have, deadline_ms, stop, k, e);
	if (e->class == ERR_STOP) {
		free(k);
		return -1;
	}
	if (have) {
		*p = malloc(sizeof(**p));
		if (*p != NULL)
			**p = k->policy;
	}
	free(k);
	return 0;
}
