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
save(struct shell *sh)
{
	char dir[PATHS_SIZE];
	struct err e = { 0 };

	if (sh->no_config)
		return SHELL_OK; /* for this session only */
	if (paths_config(dir, NULL) != 0)
		return failure_set(&sh->fail, SHELL_LOCAL,
				   "no home directory to keep contacts in");
	return contacts_save(&sh->contacts, dir, &e) == 0
		   ? SHELL_OK
		   : failure_from_local(&sh->fail, &e);
}

static int
add(struct shell *sh, const struct args *a)
{
	struct err e = { 0 };
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
	rc = contacts_put(&sh->contacts, arg_span(&a->operand[1]),
			  arg_span(&a->operand[2]), buf_span(&full), &e);
	buf_free(&full);
	if (rc != 0)
		return failure_set(
		    &sh->fail, e.class == ERR_PERM ? SHELL_USAGE : SHELL_LOCAL,
		    "%s", e.msg);
	return save(sh);
}

static int
drop(struct shell *sh, const struct args *a)
{
	for (size_t i = 1; i < a->n; i++) {
		if (contacts_remove(&sh->contacts, arg_span(&a->operand[i])))
			continue;
		(void)failure_set(&sh->fail, SHELL_REFUSED, "no contact %s",
				  a->operand[i].text);
		sh->fail.symbol = "no-match";
		return SHELL_REFUSED;
	}
	return save(sh);
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
