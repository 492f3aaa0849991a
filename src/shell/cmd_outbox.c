#include <stdio.h>
#include <string.h>

#include "base/visible.h"
#include "mail/release.h"
#include "shell/cmd.h"
#include "shell/output.h"
#include "shell/session.h"
#include "shell/when.h"
#include "smtp/smtp_client.h"

/*
 * `outbox` and `unsend`: what waits in the sender-side server, and taking it
 * back, by XQUEUE (doc/extensions.md).  The server knows, also what an earlier
 * session has sent; nothing is kept here but the id of the last message.
 */
static const struct output_column columns[] = {
	{ "id", OUTPUT_TEXT, OUTPUT_ALWAYS, false },
	{ "when", OUTPUT_TEXT, OUTPUT_ALWAYS, false },
	{ "bytes", OUTPUT_NUMBER, OUTPUT_ALWAYS, false },
	{ "to", OUTPUT_TEXT, OUTPUT_ALWAYS, true },
	{ NULL, OUTPUT_TEXT, OUTPUT_ALWAYS, false },
};

/* A connection to a server that can do it. */
static int
need_queue(struct shell *sh)
{
	int rc = session_smtp(sh);

	if (rc != SHELL_OK)
		return rc;
	if ((smtp_client_extensions(sh->session.smtp) & SMTP_EXT_XQUEUE) != 0)
		return SHELL_OK;
	(void)failure_set(&sh->fail, SHELL_REFUSED,
			  "this server does not say what waits in it");
	failure_hint(&sh->fail, "postpair-sender does (XQUEUE)");
	return SHELL_REFUSED;
}

/* "ID WHEN BYTES <bob@xyz.com> and 1 more"; what is not, is passed over. */
static int
put_row(struct output *o, struct span line)
{
	char id[40], when[WHEN_SIZE], bytes[24], to[512];
	int64_t wall_s;

	struct span word = span_word(&line);
	if (span_copy(word, id, sizeof(id)) != 0)
		return 0;
	word = span_word(&line);
	if (release_date_parse(word, &wall_s) == 0)
		when_format(wall_s, when);
	else if (span_copy(word, when, sizeof(when)) != 0)
		return 0;
	if (span_copy(span_word(&line), bytes, sizeof(bytes)) != 0 ||
	    span_copy(span_trim(line), to, sizeof(to)) != 0 || to[0] != '<')
		return 0;
	visible_defuse(to, strlen(to));
	const char *cells[] = { id, when, bytes, to };
	return output_row(o, cells);
}

int
cmd_outbox(struct shell *sh, const struct args *a)
{
	struct smtp_reply r;
	struct output o;
	struct err e;
	int rc = need_queue(sh);

	if (rc != SHELL_OK)
		return rc;
	if (smtp_client_command(sh->session.smtp, &r, &e, "XQUEUE LIST") != 0)
		return session_lost_smtp(sh, &e);
	if (r.code / 100 != 2)
		return failure_from_reply(&sh->fail, NULL, &r);
	output_begin(&o, sh, a, "outbox", columns);
	/* the last line only counts */
	struct span rest = span_of(r.text);
	for (long lf; (lf = span_find(rest, '\n', 0)) >= 0;) {
		if (put_row(&o, span_head(rest, (size_t)lf)) != 0)
			break;
		rest = span_skip(rest, (size_t)lf + 1);
	}
	rc = output_end(&o);
	/* "20 messages, 12 shown" */
	if (rc == SHELL_OK && span_find(rest, ',', 0) >= 0) {
		char text[80];
		(void)snprintf(text, sizeof(text), "%.*s",
			       SPAN_ARG(span_head(rest, 79)));
		visible_defuse(text, strlen(text));
		shell_note(sh, "%s", text);
	}
	return rc;
}

int
cmd_unsend(struct shell *sh, const struct args *a)
{
	const char *id = a->n > 0 ? a->operand[0].text : sh->last_queued;
	struct smtp_reply r;
	struct err e;

	if (id[0] == '\0') {
		(void)failure_set(&sh->fail, SHELL_USAGE,
				  "nothing was sent yet");
		failure_hint(&sh->fail, "`outbox` shows what waits, and ids");
		return SHELL_USAGE;
	}
	for (const char *p = id; *p != '\0'; p++) {
		if (!span_is_digit(*p) && (*p < 'a' || *p > 'z'))
			return failure_set(&sh->fail, SHELL_USAGE,
					   "'%s' is no id of a message", id);
	}
	int rc = need_queue(sh);
	if (rc != SHELL_OK)
		return rc;
	if (smtp_client_command(sh->session.smtp, &r, &e, "XQUEUE CANCEL %s",
				id) != 0)
		return session_lost_smtp(sh, &e);
	if (r.code / 100 != 2) {
		rc = failure_from_reply(&sh->fail, NULL, &r);
		if (r.code == 550)
			failure_hint(&sh->fail,
				     "it has left, or never was there");
		return rc;
	}
	shell_say(sh, "unsent %s", id);
	if (strcmp(id, sh->last_queued) == 0)
		sh->last_queued[0] = '\0';
	return SHELL_OK;
}
