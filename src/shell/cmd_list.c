#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "mail/header.h"
#include "shell/cmd.h"
#include "shell/output.h"
#include "shell/proc.h"
#include "shell/session.h"

const struct command_option cmd_list_options[] = {
	{ "wait", 0, "TIME", COMPLETE_NONE,
	  "wait up to TIME (10s, 2m) until a message matches" },
	{ "limit", 0, "N", COMPLETE_NONE, "the newest N only" },
	{ NULL, 0, NULL, COMPLETE_NONE, NULL },
};

/* ---- selection ---- */

static int
select_words(struct shell *sh, const struct arg *words, size_t n,
	     uint32_t **numbers, uint32_t *count)
{
	struct set *s = calloc(1, sizeof(*s));
	int rc;

	if (s == NULL)
		return failure_set(&sh->fail, SHELL_LOCAL, "out of memory");
	rc = set_parse(s, words, n, clock_wall_s(), &sh->fail);
	if (rc == SHELL_OK)
		rc = mailbox_select(sh, s, numbers, count);
	set_free(s);
	free(s);
	return rc;
}

/* "delete 1 2": side by side means and, and no message is both. */
static void
hint_numbers(struct shell *sh, const struct arg *words, size_t n)
{
	size_t numbers = 0;

	for (size_t i = 0; i < n; i++)
		numbers += words[i].n > 0 && span_is_digit(words[i].text[0]);
	if (numbers > 1)
		failure_hint(&sh->fail, "numbers are joined by commas: 1,3:5");
}

int
cmd_select(struct shell *sh, const struct arg *words, size_t n,
	   const char *standard, bool may_be_empty, uint32_t **numbers,
	   uint32_t *count)
{
	const char *text = standard == NULL ? "." : standard;
	struct arg one = { text, strlen(text), strlen(text) };
	uint32_t *copy;
	int rc = mailbox_load(sh, false);

	*numbers = NULL;
	*count = 0;
	if (rc != SHELL_OK)
		return rc;
	rc = n > 0 ? select_words(sh, words, n, numbers, count)
		   : select_words(sh, &one, 1, numbers, count);
	if (rc != SHELL_OK)
		return rc;
	if (*count == 0 && !may_be_empty) {
		free(*numbers);
		*numbers = NULL;
		(void)failure_set(&sh->fail, SHELL_REFUSED,
				  n == 0 && standard == NULL
				      ? "no message was read yet: which one?"
				      : "no message matches");
		sh->fail.symbol = "no-match";
		hint_numbers(sh, words, n);
		return SHELL_REFUSED;
	}
	copy = malloc((*count + 1) * sizeof(*copy));
	if (copy != NULL) {
		if (*numbers != NULL)
			memcpy(copy, *numbers, *count * sizeof(*copy));
		mailbox_remember(&sh->box, copy, *count);
	}
	return SHELL_OK;
}

/* ---- list -----------------------------------------------------------------
 */

static const struct output_column list_columns[] = {
	{ "n", OUTPUT_NUMBER, OUTPUT_ALWAYS, false },
	{ "uid", OUTPUT_TEXT, OUTPUT_DATA, false },
	{ "flags", OUTPUT_TEXT, OUTPUT_ALWAYS, false },
	{ "date", OUTPUT_TEXT, OUTPUT_DATA, false },
	{ "day", OUTPUT_TEXT, OUTPUT_TABLE, false },
	{ "from", OUTPUT_TEXT, OUTPUT_DATA, false },
	{ "name", OUTPUT_TEXT, OUTPUT_TABLE, true },
	{ "to", OUTPUT_TEXT, OUTPUT_DATA, false },
	{ "size", OUTPUT_NUMBER, OUTPUT_ALWAYS, false },
	{ "subject", OUTPUT_TEXT, OUTPUT_ALWAYS, true },
	{ NULL, OUTPUT_TEXT, OUTPUT_ALWAYS, false },
};

/* RFC 3339 in UTC for programs; "23 Nov" or "23 Nov 2024" for people. */
static void
date_texts(const struct mime_summary *s, char iso[32], char day[32])
{
	int64_t now = clock_wall_s();
	time_t t = (time_t)s->date_s;
	struct tm utc, here;

	iso[0] = day[0] = '\0';
	if (!s->has_date || gmtime_r(&t, &utc) == NULL ||
	    localtime_r(&t, &here) == NULL)
		return;
	(void)strftime(iso, 32, "%Y-%m-%dT%H:%M:%SZ", &utc);
	if (s->date_s > now - 180LL * 86400 && s->date_s < now + 86400)
		(void)strftime(day, 32, "%e %b %H:%M", &here);
	else
		(void)strftime(day, 32, "%e %b  %Y", &here);
}

static int
list_row(struct output *o, struct shell *sh, uint32_t n)
{
	const struct message *m = &sh->box.v[n - 1];
	char number[16], size[24], flags[8], iso[32], day[32];
	const char *cells[10];

	(void)snprintf(number, sizeof(number), "%u", n);
	(void)snprintf(size, sizeof(size), "%llu",
		       (unsigned long long)m->bytes);
	(void)snprintf(flags, sizeof(flags), "%s%s%s", m->seen ? "" : "N",
		       m->deleted ? "D" : "", m->s.has_attachment ? "@" : "");
	date_texts(&m->s, iso, day);
	cells[0] = number;
	cells[1] = m->uidl;
	cells[2] = flags;
	cells[3] = iso;
	cells[4] = day;
	cells[5] = m->s.from;
	cells[6] = m->s.from_name;
	cells[7] = m->s.to;
	cells[8] = size;
	cells[9] = m->s.subject;
	return output_row(o, cells);
}

static int
wait_time(struct shell *sh, const struct args *a, int64_t *until)
{
	const struct arg *v = args_value(a, "wait");
	int64_t ms;

	*until = 0;
	if (v == NULL)
		return SHELL_OK;
	if (shell_parse_time(arg_span(v), &ms) != 0)
		return failure_set(&sh->fail, SHELL_USAGE,
				   "--wait wants a time: 10s, 2m");
	*until = clock_mono_ms() + ms;
	return SHELL_OK;
}

static int
limit_number(struct shell *sh, const struct args *a, uint64_t *most)
{
	const struct arg *limit = args_value(a, "limit");

	*most = UINT64_MAX;
	if (limit != NULL && span_u64(arg_span(limit), most) != 0)
		return failure_set(&sh->fail, SHELL_USAGE,
				   "--limit wants a number");
	return SHELL_OK;
}

int
cmd_list_check(struct shell *sh, const struct args *a)
{
	uint64_t most;
	int64_t until;
	int rc = wait_time(sh, a, &until);

	return rc == SHELL_OK ? limit_number(sh, a, &most) : rc;
}

/* Look for new mail; with --wait as long as nothing matches. */
static int
list_select(struct shell *sh, const struct args *a, int64_t until,
	    uint32_t **numbers, uint32_t *n)
{
	int step_ms = 50, rc;

	for (;;) {
		rc = mailbox_load(sh, true);
		if (rc == SHELL_OK)
			rc = cmd_select(sh, a->operand, a->n, "all", true,
					numbers, n);
		if (rc != SHELL_OK || *n > 0 || until == 0)
			return rc;
		free(*numbers);
		*numbers = NULL;
		if (clock_mono_ms() >= until)
			return failure_set(&sh->fail, SHELL_TIMEOUT,
					   "no message came in time");
		/* A new POP3 session each time: not more often than needed. */
		if (proc_pause(step_ms, &sh->stop) != 0)
			return failure_set(&sh->fail, SHELL_INTERRUPTED,
					   "interrupted");
		step_ms = step_ms < 1000 ? step_ms * 2 : 1000;
	}
}

int
cmd_list(struct shell *sh, const struct args *a)
{
	uint32_t *numbers = NULL, n = 0, from = 0;
	struct output o;
	uint64_t most;
	int64_t until;
	int rc = wait_time(sh, a, &until);

	if (rc == SHELL_OK)
		rc = limit_number(sh, a, &most);
	if (rc != SHELL_OK)
		return rc;
	rc = list_select(sh, a, until, &numbers, &n);
	if (rc == SHELL_OK && most < n)
		from = n - (uint32_t)most;
	if (rc == SHELL_OK)
		rc = mailbox_summarise(sh, numbers + from, n - from);
	if (rc == SHELL_OK) {
		output_begin(&o, sh, a, "message", list_columns);
		for (uint32_t i = from; i < n; i++) {
			(void)list_row(&o, sh, numbers[i]);
			sh->box.v[numbers[i] - 1].fresh = false;
		}
		rc = output_end(&o);
		if (n == 0 && o.format == FORMAT_TABLE)
			shell_note(sh, a->n > 0 ? "no message matches"
						: "no messages");
	}
	free(numbers);
	return rc;
}

int
cmd_count(struct shell *sh, const struct args *a)
{
	uint32_t *numbers = NULL, n = 0;
	int rc = mailbox_load(sh, true);

	if (rc == SHELL_OK)
		rc =
		    cmd_select(sh, a->operand, a->n, "all", true, &numbers, &n);
	if (rc == SHELL_OK)
		(void)fprintf(sh->out, "%u\n", n);
	free(numbers);
	return rc;
}
