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
	if (!x->add)
		sh->fail.symbol = "no-match";
	return (int)sh->fail.status;
}

static int
add(struct shell *sh, const struct args *a)
{
	struct span name;
	struct contacts_change x = { .name = &name, .n_names = 1, .add = true };
	struct buf full;
	int rc;

	if (a->n < 3) {
		(void)failure_set(&sh->fail, SHELL_USAGE, "too few arguments");
		failure_hint(&sh->fail, "contact add NAME ADDRESS [FULL NAME]");
		return SHELL_USAGE;
	}
	buf_init(&full, 4096);
	for (size_t i = 3; i < a->n; i++)
		(void)buf_addf(&full, "%s%s", i > 3 ? " " : "",
			       a->operand[i].text);
	name = arg_span(&a->operand[1]);
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

int
cmd_contact(struct shell *sh, const struct args *a)
{
	const char *verb = a->n == 0 ? "list" : a->operand[0].text;

	if (strcmp(verb, "list") == 0)
		return show(sh, a, a->n > 1 ? a->operand[1].text : NULL);
	if (strcmp(verb, "add") == 0)
		return add(sh, a);
	if (strcmp(verb, "remove") == 0)
		return drop(sh, a);
	(void)failure_set(&sh->fail, SHELL_USAGE,
			  "%s: contact list, add or remove", verb);
	return SHELL_USAGE;
}
