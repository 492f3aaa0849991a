#include "receiver/receiver_rules.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "receiver/receiver_rules_private.h"

/* ---- making them ----------------------------------------------------------
 */

static int
add_domain(struct receiver_rules *r, const char *text, struct err *e)
{
	struct span domain = span_of(text), local;
	struct address a = { .local = span_of("x"), .domain = domain };
	char canonical[ADDRESS_SIZE];

	if (address_domain_check(text, false, e) != 0)
		return -1;
	if (address_canonical(&a, canonical) != 0)
		return err_set(e, ERR_PERM, 0, "not a domain: %s", text);
	address_split(canonical, &local, &domain);
	if (receiver_rules_is_local(r, domain))
		return err_set(e, ERR_PERM, 0, "named twice: %s", text);
	r->domain[r->n_domains] = strdup(domain.p);
	if (r->domain[r->n_domains] == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "domains");
	r->n_domains++;
	return 0;
}

int
receiver_rules_new(struct receiver_rules **out, const char *path,
		   const struct receiver_options *o, struct err *e)
{
	char postmaster[ADDRESS_SIZE] = "";
	struct receiver_rules *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "rules");
	atomic_init(&r->references, 1);
	r->domain = calloc(o->domains.n + 1, sizeof(*r->domain));
	if (r->domain == NULL) {
		(void)err_set(e, ERR_TEMP, ENOMEM, "rules");
		goto fail;
	}
	for (size_t i = 0; i < o->domains.n; i++) {
		if (add_domain(r, o->domains.v[i], e) != 0) {
			(void)err_prefix(e, "%s: domains: local", path);
			goto fail;
		}
	}
	if (r->n_domains == 0) {
		(void)err_set(e, ERR_PERM, 0,
			      "%s: domains: local: at least one is needed",
			      path);
		goto fail;
	}
	if (o->postmaster != NULL && o->postmaster[0] != '\0' &&
	    receiver_rules_make_address(r, span_of(o->postmaster), postmaster,
					e) != 0) {
		(void)err_prefix(e, "%s: server: postmaster", path);
		goto fail;
	}
	r->postmaster = strdup(postmaster);
	if (r->postmaster == NULL) {
		(void)err_set(e, ERR_TEMP, ENOMEM, "rules");
		goto fail;
	}
	if (receiver_rules_make_aliases(r, path, o, e) != 0)
		goto fail;
	*out = r;
	return 0;
fail:
	receiver_rules_drop(&r);
	return -1;
}

struct receiver_rules *
receiver_rules_hold(struct receiver_rules *r)
{
	(void)atomic_fetch_add(&r->references, 1);
	return r;
}

void
receiver_rules_drop(struct receiver_rules **out)
{
	struct receiver_rules *r = *out;

	*out = NULL;
	if (r == NULL || atomic_fetch_sub(&r->references, 1) > 1)
		return;
	for (size_t i = 0; i < r->n_domains; i++)
		free(r->domain[i]);
	free(r->domain);
	receiver_alias_free(&r->aliases);
	free(r->postmaster);
	free(r);
}

bool
receiver_rules_is_local(const struct receiver_rules *r, struct span domain)
{
	for (size_t i = 0; i < r->n_domains; i++) {
		if (span_eq(domain, span_of(r->domain[i])))
			return true;
	}
	return false;
}

/* ---- who a recipient is ---------------------------------------------------
 */

/* One name still to be looked up. */
struct pending {
	char address[ADDRESS_SIZE];
	int depth;
	bool plain; /* not as an alias: an alias that names itself */
};

/* Addresses that are looked at for one recipient: itself, aliases on the way,
 * and as many mailboxes as there may be. */
enum { PENDING_MAX = 1 + 2 * RECEIVER_TARGETS_MAX };

struct expansion {
	const struct receiver_rules *r;
	struct users *users;
	struct receiver_targets *t;
	size_t n, done;
	struct pending pending[PENDING_MAX];
};

static int
add_target(struct expansion *x, const struct user *user, struct err *e)
{
	for (size_t i = 0; i < x->t->n; i++) {
		if (strcmp(x->t->v[i].address, user->address) == 0)
			return 0;
	}
	if (x->t->n == RECEIVER_TARGETS_MAX)
		return err_set(e, ERR_TEMP, 0, "over %d mailboxes",
			       RECEIVER_TARGETS_MAX);
	x->t->v[x->t->n++] = *user;
	return 0;
}

static int
push_all(struct expansion *x, const struct receiver_alias *a,
	 const struct pending *from, struct err *e)
{
	if (from->depth == RECEIVER_ALIAS_DEPTH)
		return err_set(e, ERR_TEMP, 0, "aliases deeper than %d at %s",
			       RECEIVER_ALIAS_DEPTH, a->name);
	for (size_t i = 0; i < a->n; i++) {
		bool known = false;
		for (size_t k = 0; k < x->n && !known; k++)
			known =
			    strcmp(x->pending[k].address, a->target[i]) == 0 &&
			    &x->pending[k] != from;
		if (known)
			continue;
		if (x->n == PENDING_MAX)
			return err_set(e, ERR_TEMP, 0,
				       "alias %s leads to over %d addresses",
				       a->name, PENDING_MAX - 1);
		struct pending *p = &x->pending[x->n++];
		(void)snprintf(p->address, sizeof(p->address), "%s",
			       a->target[i]);
		p->depth = from->depth + 1;
		p->plain = strcmp(p->address, from->address) == 0;
	}
	return 0;
}

/* As alias or user, exactly as written: 1 found, 0 not, -1. */
static int
look_up(struct expansion *x, const char *address, const struct pending *from,
	struct err *e)
{
	struct user user;

	const struct receiver_alias *a =
	    from->plain ? NULL : receiver_alias_find(&x->r->aliases, address);
	if (a != NULL)
		return push_all(x, a, from, e) != 0 ? -1 : 1;
	int found = users_find(x->users, address, &user, e);
	if (found != 1)
		return found;
	return add_target(x, &user, e) != 0 ? -1 : 1;
}

/* RFC 5321 4.5.1: every domain has a postmaster, and so has <postmaster>; it is
 * a person who reads it. */
static int
look_up_postmaster(struct expansion *x, const struct pending *p, struct err *e)
{
	char address[ADDRESS_SIZE];

	int n = snprintf(address, sizeof(address), "postmaster@%s",
			 x->r->domain[0]);
	if (x->r->postmaster[0] != '\0')
		return look_up(x, x->r->postmaster, p, e);
	return n > 0 && (size_t)n < sizeof(address) ? look_up(x, address, p, e)
						    : 0;
}

static int
look_up_one(struct expansion *x, const struct pending *p, struct err *e)
{
	struct span local, domain, user, tag;
	char plain[ADDRESS_SIZE];

	int found = look_up(x, p->address, p, e);
	if (found != 0)
		return found;
	address_split(p->address, &local, &domain);
	if (address_tag(local, &user, &tag)) {
		int n = snprintf(plain, sizeof(plain), "%.*s@%.*s",
				 SPAN_ARG(user), SPAN_ARG(domain));
		if (n > 0 && (size_t)n < sizeof(plain))
			found = look_up(x, plain, p, e);
		local = user;
	}
	if (found == 0 && span_eq(local, span_of("postmaster")))
		found = look_up_postmaster(x, p, e);
	const struct receiver_alias *rest =
	    receiver_alias_catch_all(&x->r->aliases, p->address);
	/* who is to get the rest is not of the rest */
	if (found == 0 && rest != NULL && !p->plain)
		found = push_all(x, rest, p, e) != 0 ? -1 : 1;
	return found;
}

int
receiver_rules_expand(const struct receiver_rules *r, struct users *users,
		      const char *address, struct receiver_targets *t,
		      struct err *e)
{
	struct expansion *x = calloc(1, sizeof(*x));
	int rc = -1;

	t->n = 0;
	t->missing[0] = '\0';
	if (x == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "aliases");
	*x = (struct expansion){ .r = r, .users = users, .t = t, .n = 1 };
	/* <postmaster> has no domain: it is the first one's. */
	bool bare = strchr(address, '@') == NULL;
	(void)snprintf(x->pending[0].address, sizeof(x->pending[0].address),
		       "%s%s%s", address, bare ? "@" : "",
		       bare ? r->domain[0] : "");
	while (x->done < x->n) {
		const struct pending *p = &x->pending[x->done++];
		int found = look_up_one(x, p, e);
		if (found < 0)
			goto out;
		if (found == 0 && p->depth > 0 && t->missing[0] == '\0')
			(void)snprintf(t->missing, sizeof(t->missing), "%s",
				       p->address);
	}
	rc = t->n > 0 && t->missing[0] == '\0';
out:
	free(x);
	return rc;
}
