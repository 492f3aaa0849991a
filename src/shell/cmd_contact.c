#include <string.h>

#include "shell/cmd.h"
#include "shell/output.h"
#include "shell/paths.h"

static const struct output_column columns[] = {
	{ "name", OUTPUT_TEXT, OUTPUT_ALWAYS, false },
	{ "address", OUTPUT_TEXT, OUTPUT_ALWAYS, true },
	{ "full", OUTPUT_TEXT, OUTPUT_ALWAYS, true },
	{ NULL, OUTPUT_TEXT, OUTPUT_ALWAYS, false },
};

static int
show(struct shell *sh, const struct args *a, const char *filter)
{
	struct output o;

	output_begin(&o, sh, a, "contact", columns);
	for (size_t i = 0; i < sh->contacts.n; i++) {
		const struct contact *c = &sh->contacts.v[i];
		const char *cells[] = { c->name, c->address, c->full };

		if (filter == NULL || strstr(c->name, filter) != NULL ||
		    strstr(c->address, filter) != NULL)
			(void)output_row(&o, cells);
	}
	return output_end(&o);
}

#define ADD_USAGE "add NAME ADDRESS [FULL NAME]"

static int
change(struct shell *sh, const struct contacts_change *x)
{
	char path[PATHS_SIZE];
	struct err e = { 0 };
	int rc;

	if (sh->no_config) /* for this session only */
		rc = contacts_change(&sh->contacts, x, &e);
	else if (paths_config(path, "contacts") != 0)
		return failure_set(&sh->fail, SHELL_LOCAL,
				   "no home directory to keep contacts in");
	else
		rc = contacts_change_file(&sh->contacts, path, x, &e);
	if (rc == 0)
		return SHELL_OK;
	if (e.class != ERR_PERM)
		return failure_from_local(&sh->fail, &e);
	(void)failure_set(&sh->fail, x->add ? SHELL_USAGE : SHELL_REFUSED, "%s",
			  e.msg);
	if (x->add)
		failure_hint(&sh->fail, "usage: contact " ADD_USAGE);
	else
		sh->fail.symbol = "no-match";
	return (int)sh->fail.status;
}

/* The operands of each begin behind its name. */
static int
list(struct shell *sh, const struct args *a)
{
	return show(sh, a, a->n > 1 ? a->operand[1].text : NULL);
}

static int
add(struct shell *sh, const struct args *a)
{
	struct span name = arg_span(&a->operand[1]);
	struct contacts_change x = { .name = &name, .n_names = 1, .add = true };
	struct buf full;
	int rc;

	buf_init(&full, 4096);
	for (size_t i = 3; i < a->n; i++)
		(void)buf_addf(&full, "%s%s", i > 3 ? " " : "",
			       a->operand[i].text);
	x.address = arg_span(&a->operand[2]);
	x.full = buf_span(&full);
	rc = change(sh, &x);
	buf_free(&full);
	return rc;
}

static int
drop(struct shell *sh, const struct args *a)
{
	struct span *names = arena_alloc(a->arena, a->n * sizeof(*names));
	struct contacts_change x = { .name = names, .n_names = a->n - 1 };

	if (names == NULL)
		return failure_set(&sh->fail, SHELL_LOCAL, "out of memory");
	for (size_t i = 1; i < a->n; i++)
		names[i - 1] = arg_span(&a->operand[i]);
	return change(sh, &x);
}

/* ---- the command ----------------------------------------------------------
 */

enum { ANY = 100 };

static const struct verb {
	const char *name;
	int (*run)(struct shell *sh, const struct args *a);
	unsigned min, max; /* operands behind the name */
	const char *usage;
} verbs[] = {
	{ "list", list, 0, 1, "list [TEXT]" },
	{ "add", add, 2, ANY, ADD_USAGE },
	{ "remove", drop, 1, ANY, "remove NAME..." },
};

static const struct verb *
find_verb(struct shell *sh, const struct args *a)
{
	const char *name = a->n == 0 ? verbs[0].name : a->operand[0].text;
	size_t n = a->n == 0 ? 0 : a->n - 1;

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		const struct verb *v = &verbs[i];

		if (strcmp(name, v->name) != 0)
			continue;
		if (n >= v->min && n <= v->max)
			return v;
		(void)failure_set(&sh->fail, SHELL_USAGE,
				  "%s: too %s arguments", name,
				  n < v->min ? "few" : "many");
		failure_hint(&sh->fail, "usage: contact %s", v->usage);
		return NULL;
	}
	(void)failure_set(&sh->fail, SHELL_USAGE,
			  "%s: it is none of list, add and remove", name);
	failure_hint(&sh->fail, "usage: contact %s", a->command->usage);
	return NULL;
}

int
cmd_contact_check(struct shell *sh, const struct args *a)
{
	return find_verb(sh, a) == NULL ? SHELL_USAGE : SHELL_OK;
}

int
cmd_contact(struct shell *sh, const struct args *a)
{
	const struct verb *v = find_verb(sh, a);

	return v == NULL ? SHELL_USAGE : v->run(sh, a);
}
