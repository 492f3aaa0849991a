#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "receiver/receiver_rules_private.h"

/* What the rules promise and the users file does not keep: said by --check, by
 * the start and by a reload, since mail to it is refused. */

static void
remark(const char *event, const struct receiver_alias *a, const char *target,
       const struct err *e)
{
	struct log_line l;

	log_begin(&l, LOG_WARN, event);
	if (a != NULL) {
		log_str(&l, "alias", a->name);
		log_num(&l, "line", a->line);
		log_str(&l, "of", a->from_file ? "aliases-file" : "[aliases]");
	}
	if (target != NULL)
		log_str(&l, "target", target);
	if (e != NULL)
		log_err(&l, e);
	log_end(&l);
}

/* Each target by itself: one that is an alias has remarks of its own. */
static void
remark_alias(const struct receiver_rules *r, struct users *users,
	     const struct receiver_alias *a, struct receiver_targets *t)
{
	struct err e = { 0 };

	for (size_t i = 0; i < a->n; i++) {
		const char *target = a->target[i];
		int found = receiver_rules_expand(r, users, target, t, &e);
		if (found < 0)
			remark("alias-too-wide", a, target, &e);
		if (found == 0 &&
		    (t->missing[0] == '\0' || strcmp(t->missing, target) == 0))
			remark("alias-target-unknown", a, target, NULL);
	}
}

void
receiver_rules_remark(const struct receiver_rules *r, struct users *users)
{
	struct receiver_targets *t = malloc(sizeof(*t));
	struct err e = { 0 };

	if (t == NULL)
		return; /* mail to them is refused all the same */
	for (size_t i = 0; i < r->aliases.n; i++)
		remark_alias(r, users, &r->aliases.v[i], t);
	if (receiver_rules_expand(r, users, "postmaster", t, &e) != 1)
		remark("postmaster-unknown", NULL,
		       r->postmaster[0] != '\0' ? r->postmaster : NULL, NULL);
	free(t);
}
