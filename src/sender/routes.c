#include "sender/routes.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mail/address.h"

/* One line: of a domain (canonical, or "*") or of a sender (canonical, or
 * "@domain"). */
struct route_line {
	char *name;
	struct way way;
};

struct route_lines {
	struct route_line *v; /* sorted by name */
	size_t n;
};

struct routes {
	pthread_mutex_t lock; /* guards the rest */
	struct route_lines domains, senders;
	struct credentials *credentials;
};

static int
by_name(const void *a, const void *b)
{
	const struct route_line *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static void
lines_clear(struct route_lines *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i].name);
	free(l->v);
	*l = (struct route_lines){ 0 };
}

void
routes_free(struct routes **out)
{
	struct routes *r = *out;

	if (r == NULL)
		return;
	lines_clear(&r->domains);
	lines_clear(&r->senders);
	credentials_free(&r->credentials);
	(void)pthread_mutex_destroy(&r->lock);
	free(r);
	*out = NULL;
}

/* ---- making -------------------------------------------------------------
 */

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
domain_name(const char *name, char out[ADDRESS_SIZE], struct err *e)
{
	if (strcmp(name, "*") == 0)
		(void)snprintf(out, ADDRESS_SIZE, "*");
	else if (canonical_domain(name, out) != 0)
		return err_set(e, ERR_PERM, 0, "not a domain");
	return 0;
}

static int
sender_name(const char *name, char out[ADDRESS_SIZE], struct err *e)
{
	struct address a;

	out[0] = '@';
	if (name[0] == '@') {
		char domain[ADDRESS_SIZE];
		if (canonical_domain(name + 1, domain) != 0)
			return err_set(e, ERR_PERM, 0, "not a domain");
		(void)snprintf(out, ADDRESS_SIZE, "@%.*s", ADDRESS_SIZE - 2,
			       domain);
		return 0;
	}
	if (address_parse_mailbox(span_of(name), ADDRESS_ALLOW_UTF8, &a, e) !=
		0 ||
	    address_canonical(&a, out) != 0)
		return err_set(e, ERR_PERM, 0,
			       "neither an address nor @domain");
	return 0;
}

typedef int name_fn(const char *name, char out[ADDRESS_SIZE], struct err *e);

static int
read_line(struct routes *r, struct route_line *l, const struct option_pair *p,
	  name_fn *canonical, struct err *e)
{
	struct route *way = &l->way.route;
	char name[ADDRESS_SIZE];

	if (canonical(p->name, name, e) != 0 ||
	    route_parse(span_of(p->value), way, e) != 0)
		return -1;
	if (way->auth[0] != '\0' &&
	    credentials_find(r->credentials, way->auth) == NULL)
		return err_set(e, ERR_PERM, 0,
			       "auth=%s is no name of [credentials]",
			       way->auth);
	route_key(way, l->way.key);
	l->name = strdup(name);
	return l->name != NULL ? 0 : err_set(e, ERR_TEMP, ENOMEM, "routes");
}

/* Two spellings of one name would make the route a matter of luck. */
static int
check_twice(const struct route_lines *l, struct err *e)
{
	for (size_t i = 1; i < l->n; i++) {
		if (strcmp(l->v[i - 1].name, l->v[i].name) == 0)
			return err_set(e, ERR_PERM, 0,
				       "two lines for %s, in two spellings",
				       l->v[i].name);
	}
	return 0;
}

static int
read_lines(struct routes *r, struct route_lines *l, const char *path,
	   const struct option_map *map, name_fn *canonical, struct err *e)
{
	l->v = calloc(map->n + 1, sizeof(*l->v));
	if (l->v == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "routes");
	for (size_t i = 0; i < map->n; i++) {
		l->n++;
		if (read_line(r, &l->v[i], &map->v[i], canonical, e) != 0)
			return err_prefix(e, "%s:%d: %s", path, map->v[i].line,
					  map->v[i].name);
	}
	qsort(l->v, l->n, sizeof(*l->v), by_name);
	return check_twice(l, e) == 0 ? 0 : err_prefix(e, "%s", path);
}

int
routes_new(struct routes **out, const struct routes_config *c, struct err *e)
{
	struct routes *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "routes");
	(void)pthread_mutex_init(&r->lock, NULL);
	if (credentials_new(&r->credentials, c->path, c->credentials, e) != 0 ||
	    read_lines(r, &r->domains, c->path, c->domains, domain_name, e) !=
		0 ||
	    read_lines(r, &r->senders, c->path, c->senders, sender_name, e) !=
		0) {
		routes_free(&r);
		return -1;
	}
	*out = r;
	return 0;
}

void
routes_swap(struct routes *r, struct routes *from)
{
	(void)pthread_mutex_lock(&r->lock);
	struct route_lines domains = r->domains, senders = r->senders;
	struct credentials *credentials = r->credentials;
	r->domains = from->domains;
	r->senders = from->senders;
	r->credentials = from->credentials;
	from->domains = domains;
	from->senders = senders;
	from->credentials = credentials;
	(void)pthread_mutex_unlock(&r->lock);
}

/* ---- finding (lock held) ------------------------------------------------
 */

static const struct route_line *
look_up(const struct route_lines *l, const char *name)
{
	/* bsearch takes the key const; it is only compared. */
	char copy[ADDRESS_SIZE];
	struct route_line key = { .name = copy };

	if (l->n == 0)
		return NULL;
	(void)snprintf(copy, sizeof(copy), "%s", name);
	return bsearch(&key, l->v, l->n, sizeof(*l->v), by_name);
}

static const struct route_line *
look_up_sender(const struct route_lines *l, const char *reverse_path)
{
	char canonical[ADDRESS_SIZE];
	struct address a;

	if (l->n == 0 || reverse_path[0] == '\0' ||
	    address_parse_mailbox(span_of(reverse_path), ADDRESS_ALLOW_UTF8, &a,
				  NULL) != 0 ||
	    address_canonical(&a, canonical) != 0)
		return NULL;
	const struct route_line *found = look_up(l, canonical);
	if (found != NULL)
		return found;
	const char *at = strrchr(canonical, '@');
	return at == NULL ? NULL : look_up(l, at);
}

/* By MX records of the domain itself: the line's own key names none. */
static bool
is_by_domain(const struct route *r)
{
	return r->kind == ROUTE_MX && r->host[0] == '\0';
}

static const struct route_line *
find_line(const struct routes *r, const char *reverse_path, const char *domain)
{
	const struct route_line *found = look_up(&r->domains, domain);

	if (found == NULL)
		found = look_up_sender(&r->senders, reverse_path);
	return found != NULL ? found : look_up(&r->domains, "*");
}

bool
routes_find(struct routes *r, const char *reverse_path, const char *domain,
	    struct way *out)
{
	(void)pthread_mutex_lock(&r->lock);
	const struct route_line *found = find_line(r, reverse_path, domain);
	if (found != NULL)
		*out = found->way;
	(void)pthread_mutex_unlock(&r->lock);
	if (found == NULL) {
		out->route = (struct route){ .kind = ROUTE_MX };
		(void)snprintf(out->key, sizeof(out->key), "%c%s", ROUTES_NONE,
			       domain);
		return false;
	}
	if (is_by_domain(&out->route)) {
		(void)snprintf(out->route.host, sizeof(out->route.host), "%s",
			       domain);
		route_key(&out->route, out->key);
	}
	return true;
}

void
routes_key(struct routes *r, const char *reverse_path, const char *domain,
	   char key[SCHEDULER_KEY_SIZE])
{
	struct way way;

	(void)routes_find(r, reverse_path, domain, &way);
	memcpy(key, way.key, sizeof(way.key));
}

int
routes_credentials(struct routes *r, const char *name, struct credential *out,
		   struct err *e)
{
	(void)pthread_mutex_lock(&r->lock);
	const struct credential *c = credentials_find(r->credentials, name);
	if (c != NULL)
		*out = *c;
	(void)pthread_mutex_unlock(&r->lock);
	return c != NULL ? 0
			 : err_set(e, ERR_TEMP, 0,
				   "[credentials] has no %s any more", name);
}
