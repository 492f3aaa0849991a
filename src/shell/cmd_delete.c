#include <stdlib.h>

#include "shell/cmd.h"

const struct command_option cmd_delete_options[] = {
	{ "allow-empty", 0, NULL, COMPLETE_NONE,
	  "no message matching is fine" },
	{ NULL, 0, NULL, COMPLETE_NONE, NULL },
};

static int
mark(struct shell *sh, const struct args *a, const char *standard, bool deleted)
{
	uint32_t *numbers = NULL, n = 0, changed = 0;
	int rc = cmd_select(sh, a->operand, a->n, standard,
			    args_has(a, "allow-empty"), &numbers, &n);

	for (uint32_t i = 0; rc == SHELL_OK && i < n; i++) {
		struct message *m = &sh->box.v[numbers[i] - 1];

		changed += m->deleted != deleted;
		m->deleted = deleted;
	}
	free(numbers);
	if (rc != SHELL_OK)
		return rc;
	if (deleted)
		shell_say(sh, "marked %u message%s for deletion at logout",
			  changed, changed == 1 ? "" : "s");
	else
		shell_say(sh, "kept %u message%s", changed,
			  changed == 1 ? "" : "s");
	return SHELL_OK;
}

int
cmd_delete(struct shell *sh, const struct args *a)
{
	return mark(sh, a, NULL, true);
}

int
cmd_undelete(struct shell *sh, const struct args *a)
{
	return mark(sh, a, "deleted", false);
}
