#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/visible.h"
#include "mail/release.h"
#include "shell/cmd.h"
#include "shell/draft.h"
#include "shell/session.h"
#include "shell/when.h"
#include "smtp/smtp_client.h"

const struct command_option cmd_send_options[] = {
	{ "to", 't', "ADDRESSES", COMPLETE_ADDRESS,
	  "send the ready message to these, not its own" },
	{ "in", 'i', "TIME", COMPLETE_NONE,
	  "have it wait so long: 90s, 10m, 2h30m, 3d" },
	{ "at", 'a', "TIME", COMPLETE_NONE,
	  "or until then: 18:30, '2026-11-26 18:30'" },
	{ "dry-run", 'n', NULL, COMPLETE_NONE,
	  "build it and say to whom, send nothing" },
	{ NULL, 0, NULL, COMPLETE_NONE, NULL },
};

/* What one send came to, by recipient. */
struct verdicts {
	unsigned accepted, refused;
	const struct smtp_send_rcpt *first_refused;
	struct buf names;                /* accepted, "a, b" */
	struct buf words;                /* refused, "x: 550 ...; y: 550 ..." */
	const struct smtp_reply *said;   /* to the accepted */
	char line[REPLY_TEXT_SIZE + 32]; /* scratch: a reply on one line */
};

struct piece_reader {
	struct span left;
};

static long
read_piece(void *ctx, char *buf, unsigned long size, struct err *e)
{
	struct piece_reader *r = ctx;
	size_t n = r->left.n < size ? r->left.n : size;

	(void)e;
	if (n > 0)
		memcpy(buf, r->left.p, n);
	r->left = span_skip(r->left, n);
	return (long)n;
}

/* A reply as one line in v->line, harmless to the terminal. */
static void
say_line(struct verdicts *v, const struct smtp_reply *r)
{
	reply_one_line(r, v->line, sizeof(v->line));
	visible_defuse(v->line, strlen(v->line));
}

/* The same, of its last line: the lines before are about one recipient each. */
static void
say_last(struct verdicts *v, const struct smtp_reply *r)
{
	struct smtp_reply last = *r;
	const char *lf = strrchr(r->text, '\n');

	if (lf != NULL)
		(void)snprintf(last.text, sizeof(last.text), "%s", lf + 1);
	say_line(v, &last);
}

static void
collect(const struct smtp_send *m, struct verdicts *v)
{
	for (unsigned i = 0; i < m->n_recipients; i++) {
		const struct smtp_send_rcpt *r = &m->recipients[i];

		if (r->reply.code >= 200 && r->reply.code <= 299) {
			(void)buf_addf(&v->names, "%s%s",
				       v->accepted++ > 0 ? ", " : "",
				       r->address);
			v->said = &r->reply;
			continue;
		}
		if (v->first_refused == NULL)
			v->first_refused = r;
		say_line(v, &r->reply);
		/* Most servers name the address in their words. */
		(void)buf_addf(
		    &v->words, "%s%s%s%s", v->refused++ > 0 ? "; " : "",
		    strstr(v->line, r->address) != NULL ? "" : r->address,
		    strstr(v->line, r->address) != NULL ? "" : ": ", v->line);
	}
}

static void
set_reply_variable(struct shell *sh, const struct smtp_reply *r,
		   struct verdicts *v)
{
	struct err e;

	say_line(v, r);
	(void)vars_set(&sh->vars, span_of("reply"), span_of(v->line), &e);
}

/* The line of the final reply about this recipient ("<bob@xyz.com> stored"),
 * without the address; empty when there is none. */
static struct span
find_fate(const struct smtp_reply *r, const char *address)
{
	struct span rest = span_of(r->text), line;
	size_t n = strlen(address);

	for (; rest.n > 0; rest = span_skip(rest, line.n + 1)) {
		long lf = span_find(rest, '\n', 0);
		line = lf < 0 ? rest : span_head(rest, (size_t)lf);
		if (line.n > n + 3 && line.p[0] == '<' &&
		    memcmp(line.p + 1, address, n) == 0 &&
		    memcmp(line.p + 1 + n, "> ", 2) == 0)
			return span_skip(line, n + 3);
	}
	if (strstr(r->text, " stored for ") != NULL)
		return span_of("stored");
	return span_make("", 0);
}

/* A server that delivers before it answers says what became of each; else what
 * was said at RCPT tells whether an address was verified or must wait. */
static void
say_each(struct shell *sh, const struct smtp_send *m, struct verdicts *v)
{
	for (unsigned i = 0; i < m->n_recipients; i++) {
		const struct smtp_send_rcpt *r = &m->recipients[i];

		if (r->reply.code < 200 || r->reply.code > 299)
			continue;
		struct span fate = find_fate(&r->reply, r->address);
		if (fate.n == 0 && r->at_rcpt.code == 0)
			continue;
		if (fate.n > 0) {
			(void)snprintf(v->line, sizeof(v->line), "%.*s",
				       SPAN_ARG(fate));
			visible_defuse(v->line, strlen(v->line));
		} else {
			say_line(v, &r->at_rcpt);
		}
		shell_say(sh, "  %s: %s", r->address, v->line);
	}
}

/* What `unsend` takes back: the first word of the last line is the id, where
 * XQUEUE is offered (doc/extensions.md). */
static void
note_queued(struct shell *sh, const struct smtp_reply *r)
{
	const char *lf = strrchr(r->text, '\n');
	struct span line = span_of(lf != NULL ? lf + 1 : r->text);
	unsigned offered = smtp_client_extensions(sh->session.smtp);

	sh->last_queued[0] = '\0';
	if ((offered & SMTP_EXT_XQUEUE) != 0)
		(void)span_copy(span_word(&line), sh->last_queued,
				sizeof(sh->last_queued));
}

static int
judge(struct shell *sh, const struct draft_built *built,
      const struct smtp_send *m, struct verdicts *v)
{
	const struct smtp_send_rcpt *bad = v->first_refused;
	struct err e;

	if (v->accepted > 0) {
		say_last(v, v->said);
		shell_say(sh, "sent %s to %.*s: %s", built->id,
			  SPAN_ARG(buf_span(&v->names)), v->line);
		say_each(sh, m, v);
		(void)vars_set(&sh->vars, span_of("sent"), span_of(built->id),
			       &e);
		set_reply_variable(sh, v->said, v);
		note_queued(sh, v->said);
	}
	if (v->refused == 0)
		return SHELL_OK;
	set_reply_variable(sh, &bad->reply, v);
	(void)failure_set(&sh->fail,
			  v->accepted > 0 ? SHELL_PARTIAL
					  : status_of_code(bad->reply.code),
			  "%.*s", SPAN_ARG(buf_span(&v->words)));
	sh->fail.code = bad->reply.code;
	(void)snprintf(sh->fail.enhanced, sizeof(sh->fail.enhanced), "%s",
		       bad->reply.enhanced);
	if (v->accepted > 0)
		failure_hint(&sh->fail, "%u of %u recipients got it",
			     v->accepted, v->accepted + v->refused);
	else if (sh->interactive && !built->is_ready)
		failure_hint(&sh->fail,
			     "the draft is kept: `edit` it or `cancel` it");
	return (int)sh->fail.status;
}

static int
transact(struct shell *sh, const struct draft_built *built, const char *release,
	 struct arena *a)
{
	struct smtp_send m = {
		.reverse_path = sh->session.user,
		.n_recipients = built->n_recipients,
		.eight_bit = built->facts.eight_bit,
		.smtputf8 = built->facts.utf8,
		.release = release[0] == '\0' ? NULL : release,
		.size = (int64_t)built->bytes.n,
		.read_bytes = read_piece,
	};
	struct piece_reader reader = { buf_span(&built->bytes) };
	struct verdicts v = { 0 };
	struct err e = { 0 };
	int rc;

	m.ctx = &reader;
	m.recipients =
	    arena_alloc(a, built->n_recipients * sizeof(m.recipients[0]));
	if (m.recipients == NULL)
		return failure_set(&sh->fail, SHELL_LOCAL, "out of memory");
	for (unsigned i = 0; i < built->n_recipients; i++)
		m.recipients[i].address = built->recipients[i];
	if (smtp_client_send(sh->session.smtp, &m, &e) != 0) {
		(void)session_lost_smtp(sh, &e);
		failure_hint(&sh->fail, m.text_sent
					    ? "it is not known whether the "
					      "server took the message"
					    : "the server has nothing of the "
					      "message");
		return (int)sh->fail.status;
	}
	buf_init(&v.names, 512 * 1024);
	buf_init(&v.words, 2 * 1024 * 1024);
	collect(&m, &v);
	rc = judge(sh, built, &m, &v);
	buf_free(&v.names);
	buf_free(&v.words);
	return rc;
}

/* ---- what is sent ---------------------------------------------------------
 */

static bool
is_ready_message(const struct args *a)
{
	return a->n > 0 || a->has_body;
}

/* A message written elsewhere, from @FILE, @- or <<. */
static int
build_ready(struct shell *sh, const struct args *a, struct draft_origin *origin,
	    struct draft_built *built)
{
	const struct arg *to, *file = a->n > 0 ? &a->operand[0] : NULL;
	char *list = NULL;
	struct buf text;
	int rc = SHELL_OK;

	buf_init(&text, MIME_MESSAGE_MAX);
	if (file != NULL) {
		draft_origin(origin, file);
		rc = shell_content(sh, file, &text);
	}
	for (size_t i = 0;
	     rc == SHELL_OK && (to = args_next(a, "to", &i)) != NULL;)
		if (draft_add_list(&list, arg_span(to)) != 0)
			rc = failure_set(&sh->fail, SHELL_LOCAL,
					 "out of memory");
	if (rc == SHELL_OK)
		rc = draft_ready(
		    sh, file != NULL ? buf_span(&text) : arg_span(&a->body),
		    list, a->arena, built);
	buf_free(&text);
	free(list);
	return rc;
}

static int
build(struct shell *sh, const struct args *a, bool dry,
      struct draft_origin *origin, struct draft_built *built)
{
	unsigned offered = dry ? SMTP_EXT_8BITMIME | SMTP_EXT_SMTPUTF8
			       : smtp_client_extensions(sh->session.smtp);
	int rc = is_ready_message(a)
		     ? build_ready(sh, a, origin, built)
		     : draft_build(sh, (offered & SMTP_EXT_8BITMIME) != 0,
				   (offered & SMTP_EXT_SMTPUTF8) != 0, a->arena,
				   built);

	if (rc != SHELL_OK)
		return rc;
	if (built->n_recipients == 0)
		return failure_set(&sh->fail, SHELL_USAGE,
				   "the %s has no recipient",
				   built->is_ready ? "message" : "draft");
	if (built->n_recipients > SMTP_RECIPIENTS_MAX)
		return failure_set(&sh->fail, SHELL_USAGE,
				   "more than %d recipients in one message",
				   SMTP_RECIPIENTS_MAX);
	return SHELL_OK;
}

/* What can be said before anything is read or connected. */
static int
check_args(struct shell *sh, const struct args *a)
{
	const struct arg *file = a->n > 0 ? &a->operand[0] : NULL;

	if (file != NULL && a->has_body)
		return failure_set(&sh->fail, SHELL_USAGE,
				   "one message: either @FILE or <<");
	if (file != NULL && (file->bare == 0 || file->n < 2 ||
			     file->text[0] != '@' || file->text[1] == '@')) {
		(void)failure_set(&sh->fail, SHELL_USAGE,
				  "a ready message is named @FILE");
		failure_hint(&sh->fail,
			     "`send @FILE` sends what is in that file, `send` "
			     "the draft");
		return SHELL_USAGE;
	}
	if (is_ready_message(a))
		return SHELL_OK;
	if (!sh->draft.exists) {
		(void)failure_set(&sh->fail, SHELL_USAGE, "there is no draft");
		failure_hint(&sh->fail, "compose --to ADDRESS --body TEXT, or "
					"send @FILE");
		return SHELL_USAGE;
	}
	if (!args_has(a, "to"))
		return SHELL_OK;
	(void)failure_set(&sh->fail, SHELL_USAGE,
			  "--to is for a ready message, @FILE or <<");
	failure_hint(&sh->fail, "the draft has its recipients from `compose`");
	return SHELL_USAGE;
}

/* --in and --at as the wish of mail/release.h; "": none. */
static int
take_release(struct shell *sh, const struct args *a,
	     char release[RELEASE_REQUEST_MAX + 1])
{
	const struct arg *in = args_value(a, "in"), *at = args_value(a, "at");
	char date[RELEASE_DATE_SIZE];
	int64_t s = 0;

	release[0] = '\0';
	if (in != NULL && at != NULL)
		return failure_set(&sh->fail, SHELL_USAGE,
				   "either --in or --at");
	if (in != NULL && when_parse_in(arg_span(in), &s) != 0)
		return failure_set(&sh->fail, SHELL_USAGE,
				   "'%s' is not a time such as 90s, 10m, "
				   "2h30m, 3d",
				   in->text);
	if (at != NULL && when_parse_at(arg_span(at), clock_wall_s(), &s) != 0)
		return failure_set(&sh->fail, SHELL_USAGE,
				   "'%s' is not a time such as 18:30 or "
				   "2026-11-26 18:30",
				   at->text);
	if (in != NULL)
		(void)snprintf(release, RELEASE_REQUEST_MAX + 1, "for;%lld",
			       (long long)s);
	if (at == NULL)
		return SHELL_OK;
	if (s <= clock_wall_s())
		return failure_set(&sh->fail, SHELL_USAGE, "'%s' is over",
				   at->text);
	release_date_format(s, date);
	(void)snprintf(release, RELEASE_REQUEST_MAX + 1, "until;%s", date);
	return SHELL_OK;
}

/* A connection; to a server that lets messages wait when this one is to. */
static int
connect_for(struct shell *sh, const char *release)
{
	int rc = session_smtp(sh);

	if (rc != SHELL_OK || release[0] == '\0' ||
	    (smtp_client_extensions(sh->session.smtp) &
	     SMTP_EXT_FUTURERELEASE) != 0)
		return rc;
	(void)failure_set(&sh->fail, SHELL_REFUSED,
			  "this server lets no message wait");
	failure_hint(&sh->fail, "without --in and --at it is sent now");
	return SHELL_REFUSED;
}

/* What is sent is over, and so is the file that kept it.  Where only some have
 * it, or others than it names, the file is all that the rest could get. */
static void
settle(struct shell *sh, const struct args *a, int rc,
       const struct draft_origin *origin)
{
	if (rc == SHELL_OK && !args_has(a, "to"))
		draft_origin_done(sh, origin);
	if (is_ready_message(a))
		return;
	/* Somebody has it: sending it again would double it. */
	if (rc == SHELL_OK || rc == SHELL_PARTIAL)
		draft_clear(&sh->draft);
	else
		sh->draft.tried = true;
}

int
cmd_send(struct shell *sh, const struct args *a)
{
	struct draft_origin origin = { .path = "" };
	char release[RELEASE_REQUEST_MAX + 1];
	struct draft_built built = { 0 };
	bool dry = args_has(a, "dry-run");
	int rc = check_args(sh, a);

	if (!is_ready_message(a))
		origin = sh->draft.origin;
	if (rc == SHELL_OK)
		rc = take_release(sh, a, release);
	if (rc != SHELL_OK)
		return rc;
	if (!dry)
		rc = connect_for(sh, release);
	if (rc == SHELL_OK)
		rc = build(sh, a, dry, &origin, &built);
	if (rc == SHELL_OK && dry)
		shell_say(sh, "would send %zu bytes to %u recipient%s",
			  built.bytes.n, built.n_recipients,
			  built.n_recipients == 1 ? "" : "s");
	else if (rc == SHELL_OK)
		rc = transact(sh, &built, release, a->arena);
	if (!dry)
		settle(sh, a, rc, &origin);
	buf_free(&built.bytes);
	return rc;
}
