#include "sender/routes.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mail/address.h"
#include "net/dial.h"

enum { SMTP_PORT = 25 };

struct route {
	char *domain; /* canonical, or "*" */
	char *key;
};

struct routes {
	pthread_mutex_t lock;
	struct route *v; /* sorted by domain */
	size_t n;
};

static int
by_domain(const void *a, const void *b)
{
	const struct route *x = a, *y = b;

	return strcmp(x->domain, y->domain);
}

void
routes_free(struct routes **out)
{
	struct routes *r = *out;

	if (r == NULL)
		return;
	for (size_t i = 0; r->v != NULL && i < r->n; i++) {
		free(r->v[i].domain);
		free(r->v[i].key);
	}
	free(r->v);
	(void)pthread_mutex_destroy(&r->lock);
	free(r);
	*out = NULL;
}

/* The form of a domain that recipients are looked up by. */
static int
canonical_domain(const char *name, char out[ADDRESS_SIZE])
{
	struct address a = { .local = span_of("x"), .domain = span_of(name) };
	char whole[ADDRESS_SIZE];

	if (!address_domain_is_valid(a.domain, true) ||
	    address_canonical(&a, whole) != 0)
		return -1;
	(void)snprintf(out, ADDRESS_SIZE, "%s", whole + 2);
	return 0;
}

static int
make_route(struct route *r, const struct option_pair *p, struct err *e)
{
	char host[NET_HOST_SIZE], domain[ADDRESS_SIZE] = "*",
				  key[NET_HOST_SIZE + 16];
	uint16_t port;

	if (strcmp(p->name, "*") != 0 && canonical_domain(p->name, domain) != 0)
		return err_set(e, ERR_PERM, 0, "not a domain");
	if (net_endpoint(span_of(p->value), SMTP_PORT, host, &port, e) != 0)
		return -1;
	if (port == 0)
		return err_set(e, ERR_PERM, 0, "port 0");
	(void)snprintf(key, sizeof(key),
		       strchr(host, ':') != NULL ? "[%s]:%u" : "%s:%u", host,
		       (unsigned)port);
	r->domain = strdup(domain);
	r->key = strdup(key);
	return r->domain == NULL || r->key == NULL
		   ? err_set(e, ERR_TEMP, ENOMEM, "routes")
		   : 0;
}

int
routes_new(struct routes **out, const char *path, const struct option_map *map,
	   struct err *e)
{
	struct routes *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "routes");
	(void)pthread_mutex_init(&r->lock, NULL);
	r->v = calloc(map->n + 1, sizeof(*r->v));
	if (r->v == NULL) {
		(void)err_set(e, ERR_TEMP, ENOMEM, "routes");
		goto fail;
	}
	for (size_t i = 0; i < map->n; i++) {
		r->n++;
		if (make_route(&r->v[i], &map->v[i], e) != 0) {
			(void)err_prefix(e, "%s:%d: %s", path, map->v[i].line,
					 map->v[i].name);
			goto fail;
		}
	}
	qsort(r->v, r->n, sizeof(*r->v), by_domain);
	*out = r;
	return 0;
fail:
	routes_free(&r);
	return -1;
}

void
routes_swap(struct routes *r, struct routes *from)
{
	(void)pthread_mutex_lock(&r->lock);
	struct route *v = r->v;
	size_t n = r->n;
	r->v = from->v;
	r->n = from->n;
	from->v = v;
	from->n = n;
	(void)pthread_mutex_unlock(&r->lock);
}

static const struct route *
look_up(const struct routes *r, const char *domain)
{
	/* bsearch takes the key const; it is only compared. */
	char name[ADDRESS_SIZE];
	struct route key = { .domain = name };

	(void)snprintf(name, sizeof(name), "%s", domain);
	return bsearch(&key, r->v, r->n, sizeof(*r->v), by_domain);
}

bool
routes_find(struct routes *r, const char *domain, char key[SCHEDULER_KEY_SIZE])
{
	(void)pthread_mutex_lock(&r->lock);
	const struct route *found = look_up(r, domain);
	if (found == NULL)
		found = look_up(r, "*");
	if (found != NULL)
		(void)snprintf(key, SCHEDULER_KEY_SIZE, "%s", found->key);
	else
		(void)snprintf(key, SCHEDULER_KEY_SIZE, "%c%s", ROUTES_NONE,
			       domain);
	(void)pthread_mutex_unlock(&r->lock);
	return found != NULL;
}
