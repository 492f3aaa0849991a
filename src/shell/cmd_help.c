#include <string.h>

#include "shell/cmd.h"
#include "shell/output.h"

static const char sets_text[] =
    "Messages are named by a set:\n"
    "  3  3:7  1,4,9:$  $-9:$      numbers; $ is the last message\n"
    "  .  .+1                      the current message, the one after\n"
    "  all new unread read deleted last\n"
    "  from:bob to: cc: subject: body: text: header:NAME=VALUE list: id: uid:\n"
    "  size>1M size<10K has:attachment\n"
    "  since:2026-11-01 before: on: newer:7d older:12h\n"
    "Side by side means and; also: or, not, ( ).  A value with ~ in front is\n"
    "a regular expression: subject:~^re\n";

static const char status_text[] =
    "$? and the exit status of a script:\n"
    "    0  done\n"
    "    1  refused for good: 5xx, -ERR, no message matches\n"
    "    2  usage: syntax, unknown command or option\n"
    "    3  no connection, or it was lost\n"
    "    4  authentication\n"
    "    5  try later: 4xx, [IN-USE], [SYS/TEMP]\n"
    "    6  partial: some recipients were refused\n"
    "    7  assertion: a command after `not` succeeded\n"
    "    8  timeout\n"
    "    9  local: files, memory, the editor\n"
    "  130  interrupted\n"
    "`try CMD` goes on after a failure, `not CMD` wants one; $error $code\n"
    "$enhanced $reply say more.\n";

static int
add_line(struct buf *b, const struct command *c)
{
	return buf_addf(b, "  %-9s %s\n", c->name, c->summary);
}

static int
overview(struct buf *b)
{
	const char *group = "";
	int rc = 0;

	for (const struct command *c = command_table(); c->name != NULL; c++) {
		if (strcmp(group, c->group) != 0)
			rc |= buf_addf(b, "%s\n", c->group);
		group = c->group;
		rc |= add_line(b, c);
	}
	rc |= buf_add_str(b, "\nhelp COMMAND tells more; help sets, help "
			     "status\n");
	return rc;
}

static int
one(struct buf *b, const struct command *c)
{
	const struct command_option *o = c->options;
	int rc = buf_addf(b, "%s %s\n    %s.\n", c->name, c->usage, c->summary);

	for (; o != NULL && o->name != NULL; o++) {
		char text[80];

		if (o->letter != 0)
			(void)snprintf(text, sizeof(text), "-%c, --%s%s%s",
				       o->letter, o->name,
				       o->value == NULL ? "" : " ",
				       o->value == NULL ? "" : o->value);
		else
			(void)snprintf(text, sizeof(text), "--%s%s%s", o->name,
				       o->value == NULL ? "" : " ",
				       o->value == NULL ? "" : o->value);
		rc |= buf_addf(b, "  %-28s %s\n", text, o->help);
	}
	if (c->help != NULL)
		rc |= buf_addf(b, "%s\n", c->help);
	return rc;
}

static bool
is_topic(const char *word)
{
	return word[0] == '\0' || strcmp(word, "sets") == 0 ||
	       strcmp(word, "all") == 0;
}

int
cmd_help_check(struct shell *sh, const struct args *a)
{
	if (a->n == 0 || is_topic(a->operand[0].text) ||
	    command_find(arg_span(&a->operand[0]), false, &sh->fail) != NULL)
		return SHELL_OK;
	return (int)sh->fail.status;
}

int
cmd_help(struct shell *sh, const struct args *a)
{
	const char *topic = a->n > 0 ? a->operand[0].text : "";
	struct buf b;
	int rc;

	buf_init(&b, 256 * 1024);
	if (topic[0] == '\0') {
		rc = overview(&b);
	} else if (strcmp(topic, "sets") == 0) {
		rc = buf_add_str(&b, sets_text);
	} else if (strcmp(topic, "all") == 0) {
		rc = 0;
		for (const struct command *c = command_table(); c->name != NULL;
		     c++)
			rc |= one(&b, c);
	} else {
		const struct command *c =
		    command_find(span_of(topic), sh->tty != NULL, &sh->fail);

		/* `status` is a command and a topic: both are shown. */
		if (c == NULL) {
			buf_free(&b);
			return (int)sh->fail.status;
		}
		rc = one(&b, c);
		if (strcmp(c->name, "status") == 0)
			rc |= buf_addf(&b, "\n%s", status_text);
	}
	rc = rc != 0 ? failure_set(&sh->fail, SHELL_LOCAL, "out of memory")
		     : output_page(sh, buf_span(&b), true);
	buf_free(&b);
	return rc;
}
