#include "shell/mailsh_prompt.h"

#include "shell/tty.h"

static void
make_prompt(struct shell *sh, bool more, char *out, size_t size)
{
	const struct session *s = &sh->session;
	bool color = shell_color(sh);
	const struct mailbox_count count = mailbox_count(&sh->box);
	char counts[40] = "";

	if (more) {
		(void)snprintf(out, size, "... ");
		return;
	}
	if (s->pop3_at.port != 0)
		(void)snprintf(counts, sizeof(counts), " %u/%u", count.unread,
			       count.all);
	(void)snprintf(
	    out, size, "%s%s%s%s%s> ", color ? "\001\033[1m\002" : "",
	    s->user[0] == '\0' ? "mailsh" : s->user, counts,
	    sh->draft.exists ? " draft" : "", color ? "\001\033[0m\002" : "");
}

int
mailsh_prompt_line(void *ctx, bool more, struct buf *out, struct err *e)
{
	struct shell *sh = ctx;
	char prompt[ADDRESS_SIZE + 80];
	int rc;

	make_prompt(sh, more, prompt, sizeof(prompt));
	do {
		*e = (struct err){ 0 };
		rc = tty_line(sh->tty, prompt, more ? TTY_TEXT : TTY_COMMAND,
			      out, e);
		/* ^C empties the line; it never ends the shell. */
	} while (rc < 0 && e->class == ERR_STOP && !more && !sh->exiting);
	if (sh->exiting && !more)
		return 0;
	/* ^D leaves like `exit`, and like it warns of a draft once. */
	if (rc == 0 && !more && sh->draft.exists && !sh->exit_warned) {
		sh->exit_warned = true;
		shell_note(sh, "a draft is not sent yet: `send` it, or ^D "
			       "again");
		return buf_add_str(out, "") == 0 ? 1 : -1;
	}
	return rc;
}
