#include <stdlib.h>
#include <string.h>

#include "shell/cmd.h"
#include "shell/draft.h"
#include "shell/output.h"
#include "shell/session.h"

/* What `compose` and `reply` have in common. */
/* clang-format off */
#define COPY_OPTIONS \
	{ "cc", 'c', "ADDRESSES", COMPLETE_ADDRESS, "copies to" }, \
	{ "bcc", 'b', "ADDRESSES", COMPLETE_ADDRESS, "copies nobody sees" }
#define TEXT_OPTIONS \
	{ "body", 0, "TEXT", COMPLETE_FILE, \
	  "the text, or @FILE, or @- (standard input)" }, \
	{ "attach", 'a', "FILE", COMPLETE_FILE, "add a file" }, \
	{ "header", 0, "NAME:VALUE", COMPLETE_NONE, "add a header field" }, \
	{ "edit", 'e', NULL, COMPLETE_NONE, "write in $VISUAL or $EDITOR" }, \
	{ "no-edit", 0, NULL, COMPLETE_NONE, "ask for nothing more" }
/* clang-format on */

const struct command_option cmd_compose_options[] = {
	{ "to", 't', "ADDRESSES", COMPLETE_ADDRESS, "recipients" },
	COPY_OPTIONS,
	{ "subject", 's', "TEXT", COMPLETE_NONE, "what it is about" },
	TEXT_OPTIONS,
	{ NULL, 0, NULL, COMPLETE_NONE, NULL },
};

const struct command_option cmd_reply_options[] = {
	{ "all", 0, NULL, COMPLETE_NONE, "to everybody it went to" },
	{ "quote", 0, NULL, COMPLETE_NONE, "quote the text it answers" },
	{ "no-quote", 0, NULL, COMPLETE_NONE, "do not" },
	COPY_OPTIONS,
	{ "subject", 's', "TEXT", COMPLETE_NONE, "instead of Re: ..." },
	TEXT_OPTIONS,
	{ NULL, 0, NULL, COMPLETE_NONE, NULL },
};

static int
no_memory(struct shell *sh)
{
	return failure_set(&sh->fail, SHELL_LOCAL, "out of memory");
}

static int
take_lists(struct shell *sh, const struct args *a)
{
	struct draft *d = &sh->draft;
	const struct {
		const char *option;
		char **field;
	} lists[] = { { "to", &d->to }, { "cc", &d->cc }, { "bcc", &d->bcc } };
	const struct arg *v;

	for (size_t k = 0; k < 3; k++)
		for (size_t i = 0;
		     (v = args_next(a, lists[k].option, &i)) != NULL;) {
			if (draft_check_value(sh, lists[k].option,
					      arg_span(v)) != SHELL_OK)
				return SHELL_USAGE;
			if (draft_add_list(lists[k].field, arg_span(v)) != 0)
				return no_memory(sh);
		}
	v = args_value(a, "subject");
	if (v != NULL &&
	    draft_check_value(sh, "subject", arg_span(v)) != SHELL_OK)
		return SHELL_USAGE;
	if (v != NULL && draft_set(&d->subject, arg_span(v)) != 0)
		return no_memory(sh);
	return SHELL_OK;
}

/* The body from << or --body, in front of what is there (a quotation). */
static int
take_body(struct shell *sh, const struct args *a)
{
	const struct arg *v = args_value(a, "body");
	struct draft *d = &sh->draft;
	struct buf b;
	int rc = SHELL_OK;

	if (v != NULL && a->has_body)
		return failure_set(&sh->fail, SHELL_USAGE,
				   "one body: either --body or <<");
	if (v == NULL && !a->has_body)
		return SHELL_OK;
	buf_init(&b, MIME_MESSAGE_MAX);
	if (v != NULL) {
		draft_origin(&d->origin, v);
		rc = shell_content(sh, v, &b);
	}
	if (a->has_body && buf_add_span(&b, arg_span(&a->body)) != 0)
		rc = no_memory(sh);
	if (rc == SHELL_OK && d->body_n > 0 &&
	    (buf_add_str(&b, b.n > 0 && b.p[b.n - 1] == '\n' ? "\n" : "\n\n") !=
		 0 ||
	     buf_add(&b, d->body, d->body_n) != 0))
		rc = no_memory(sh);
	if (rc == SHELL_OK && draft_set_body(d, buf_span(&b)) != 0)
		rc = no_memory(sh);
	buf_free(&b);
	return rc;
}

static int
take_options(struct shell *sh, const struct args *a)
{
	const struct arg *v;
	int rc = take_body(sh, a); /* first: it may be long, and is kept */

	if (rc == SHELL_OK)
		rc = take_lists(sh, a);
	for (size_t i = 0;
	     rc == SHELL_OK && (v = args_next(a, "attach", &i)) != NULL;)
		rc = draft_attach(sh, v->text);
	for (size_t i = 0;
	     rc == SHELL_OK && (v = args_next(a, "header", &i)) != NULL;)
		rc = draft_add_field(sh, arg_span(v));
	return rc;
}

/* A text is not thrown away for the next one.  In a script, where nobody looks
 * at the draft, it stands in a file from now on: with --keep-going a `send`
 * that follows is not meant for it.  What `send` could not send has been
 * reported, and does not keep the script from its next message. */
static int
begin(struct shell *sh)
{
	bool exists = sh->draft.exists, tried = sh->draft.tried;
	int rc = session_need_user(sh, "smtp");

	if (rc != SHELL_OK)
		return rc;
	if (exists && !sh->interactive && draft_keep(sh) != 0) {
		sh->exiting = true; /* no `send` is meant for it */
		sh->exit_status = SHELL_LOCAL;
		return failure_set(&sh->fail, SHELL_LOCAL,
				   "the draft before it has no place");
	}
	if (!exists || !sh->interactive)
		draft_clear(&sh->draft);
	if (!exists || (tried && !sh->interactive)) {
		(void)span_copy(span_of(sh->session.user), sh->draft.from,
				sizeof(sh->draft.from));
		return SHELL_OK;
	}
	(void)failure_set(&sh->fail, SHELL_USAGE, "a draft is not sent yet");
	failure_hint(&sh->fail, "%s",
		     sh->interactive
			 ? "`send` it, `edit` it or `cancel` it"
			 : "`send` it or `cancel` it before the next");
	return SHELL_USAGE;
}

static void
say_draft(struct shell *sh)
{
	const struct draft *d = &sh->draft;
	size_t lines = 0;

	if (!sh->interactive)
		return;
	for (size_t i = 0; i < d->body_n; i++)
		lines += d->body[i] == '\n' || i + 1 == d->body_n;
	shell_note(sh,
		   "To: %s  Subject: %s  %zu line%s, %u attachment%s\n"
		   "`send` sends it; `preview`, `edit`, `cancel`",
		   d->to == NULL ? "" : d->to,
		   d->subject == NULL ? "" : d->subject, lines,
		   lines == 1 ? "" : "s", d->n_attachments,
		   d->n_attachments == 1 ? "" : "s");
}

static int
finish(struct shell *sh, const struct args *a)
{
	bool has_text = a->has_body || args_has(a, "body");
	bool edit = args_has(a, "edit");
	bool ask = sh->tty != NULL && !has_text && !args_has(a, "no-edit");
	int rc = take_options(sh, a);

	/* Said before somebody writes a text for it. */
	if (rc == SHELL_OK && ask && !edit)
		rc = draft_check(sh, a->arena);
	if (rc == SHELL_OK && edit)
		rc = draft_edit(sh);
	else if (rc == SHELL_OK && ask)
		rc = draft_write(sh);
	if (rc == SHELL_OK)
		rc = draft_check(sh, a->arena);
	/* What a person wrote is kept even with a wrong address. */
	bool typed = edit || ask || (sh->tty != NULL && a->has_body);
	if (rc != SHELL_OK && (!typed || sh->draft.body_n == 0)) {
		draft_clear(&sh->draft);
		return rc;
	}
	sh->draft.exists = true;
	sh->text_taken = true;
	shell_hold_end(sh);
	if (rc == SHELL_OK)
		say_draft(sh);
	return rc;
}

/* "<bob@xyz.com>", perhaps with a comma: the words before it are his name. */
static bool
is_angle(const struct arg *w)
{
	return w->n > 2 && w->text[0] == '<' && strchr(w->text, '>') != NULL;
}

/* May the word be part of a name?  What is an address is one, and a comma ends
 * what it belongs to. */
static bool
is_name_word(const struct arg *w)
{
	return w->n > 0 && strchr(w->text, '@') == NULL &&
	       w->text[w->n - 1] != ',';
}

/* How many of the words are the next recipient: one, or "Bob Builder
 * <bob@xyz.com>". */
static size_t
recipient_words(const struct arg *w, size_t n)
{
	size_t k = 0;

	while (k < n && is_name_word(&w[k]) && !is_angle(&w[k]))
		k++;
	return k > 0 && k < n && is_angle(&w[k]) ? k + 1 : 1;
}

/* One recipient to d->to; a name that was quoted to hold a comma keeps it. */
static int
take_recipient(struct shell *sh, const struct arg *w, size_t n)
{
	struct buf text;
	int rc = 0;

	/* "compose bob Carol <carol@xyz.com>": to bob, or to Bob Carol? */
	if (n > 2 && contacts_find(&sh->contacts, arg_span(&w[0])) != NULL) {
		(void)failure_set(&sh->fail, SHELL_USAGE,
				  "%s is a contact, and stands before %s: a "
				  "recipient, or part of a name?",
				  w[0].text, w[n - 1].text);
		failure_hint(&sh->fail,
			     "`%s,` is a recipient; quotes make a name of all "
			     "words in front of the address: \"%s %s\"",
			     w[0].text, w[0].text, n > 3 ? "..." : w[1].text);
		return SHELL_USAGE;
	}
	buf_init(&text, 64 * 1024);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		if (draft_check_value(sh, "to", arg_span(&w[i])) != SHELL_OK) {
			buf_free(&text);
			return SHELL_USAGE;
		}
		bool quote = i + 1 < n && w[i].bare < w[i].n &&
			     strpbrk(w[i].text, "\"\\") == NULL &&
			     strpbrk(w[i].text, "()<>[]:;@,") != NULL;
		rc = buf_addf(&text, "%s%s%s%s", i > 0 ? " " : "",
			      quote ? "\"" : "", w[i].text, quote ? "\"" : "");
	}
	struct span one = span_trim(buf_span(&text));
	if (n > 1 && one.n > 0 && one.p[one.n - 1] == ',')
		one.n--;
	rc |= draft_add_list(&sh->draft.to, one);
	buf_free(&text);
	return rc == 0 ? SHELL_OK : no_memory(sh);
}

int
cmd_compose(struct shell *sh, const struct args *a)
{
	int rc = begin(sh);

	if (rc != SHELL_OK)
		return rc;
	for (size_t i = 0, n; rc == SHELL_OK && i < a->n; i += n) {
		n = recipient_words(a->operand + i, a->n - i);
		rc = take_recipient(sh, a->operand + i, n);
	}
	if (rc == SHELL_OK)
		return finish(sh, a);
	draft_clear(&sh->draft);
	return rc;
}

static int
take_reply(struct shell *sh, const struct args *a, const struct mime *m)
{
	/* Typed answers quote; a script that brings its text does not. */
	bool quote = sh->tty != NULL && !a->has_body && !args_has(a, "body");
	const struct mime_reply_options o = {
		.me = sh->session.user,
		.to_all = args_has(a, "all"),
		.quote =
		    args_has(a, "quote") || (quote && !args_has(a, "no-quote")),
	};
	struct draft *d = &sh->draft;
	struct mime_reply r = { 0 };
	struct err e = { 0 };

	if (mime_make_reply(m, &o, a->arena, &r, &e) != 0)
		return e.class == ERR_PERM
			   ? failure_set(&sh->fail, SHELL_REFUSED, "%s", e.msg)
			   : failure_from_local(&sh->fail, &e);
	if (r.left_out[0] != '\0')
		shell_note(sh, "not answered, since this is no address: %s",
			   r.left_out);
	if (draft_set(&d->to, span_of(r.to)) != 0 ||
	    draft_set(&d->cc, span_of(r.cc)) != 0 ||
	    draft_set(&d->subject, span_of(r.subject)) != 0 ||
	    draft_set(&d->in_reply_to, span_of(r.in_reply_to)) != 0 ||
	    draft_set(&d->references, span_of(r.references)) != 0 ||
	    draft_set_body(d, span_of(r.body)) != 0)
		return no_memory(sh);
	return SHELL_OK;
}

int
cmd_reply(struct shell *sh, const struct args *a)
{
	uint32_t *numbers = NULL, n = 0;
	struct mime *m = NULL;
	struct err e = { 0 };
	int rc = begin(sh);

	if (rc == SHELL_OK)
		rc =
		    cmd_select(sh, a->operand, a->n, NULL, false, &numbers, &n);
	if (rc == SHELL_OK && n != 1)
		rc = failure_set(&sh->fail, SHELL_USAGE,
				 "%u messages match: a reply answers one", n);
	if (rc == SHELL_OK)
		rc = mailbox_fetch(sh, numbers[0]);
	if (rc == SHELL_OK && mime_parse(&m, buf_span(&sh->box.raw), &e) != 0)
		rc = failure_from_local(&sh->fail, &e);
	if (rc == SHELL_OK)
		rc = take_reply(sh, a, m);
	mime_free(&m);
	free(numbers);
	return rc == SHELL_OK ? finish(sh, a) : rc;
}

/* ---- the draft ------------------------------------------------------------
 */

static int
need_draft(struct shell *sh)
{
	if (sh->draft.exists)
		return SHELL_OK;
	(void)failure_set(&sh->fail, SHELL_USAGE, "there is no draft");
	failure_hint(&sh->fail, "compose --to ADDRESS --body TEXT");
	return SHELL_USAGE;
}

int
cmd_preview(struct shell *sh, const struct args *a)
{
	struct draft_built built = { 0 };
	int rc = need_draft(sh);

	if (rc != SHELL_OK)
		return rc;
	rc = draft_build(sh, true, true, a->arena, &built);
	if (rc == SHELL_OK) {
		size_t n = 0;

		for (size_t i = 0; i < built.bytes.n; i++)
			if (built.bytes.p[i] != '\r')
				built.bytes.p[n++] = built.bytes.p[i];
		built.bytes.n = n;
		rc = output_raw(sh, buf_span(&built.bytes), true);
	}
	buf_free(&built.bytes);
	return rc;
}

int
cmd_edit(struct shell *sh, const struct args *a)
{
	int rc = need_draft(sh);

	if (rc == SHELL_OK)
		rc = draft_edit(sh);
	if (rc == SHELL_OK)
		rc = draft_check(sh, a->arena);
	if (rc == SHELL_OK)
		say_draft(sh);
	return rc;
}

int
cmd_cancel(struct shell *sh, const struct args *a)
{
	int rc = need_draft(sh);

	(void)a;
	draft_clear(&sh->draft);
	if (rc == SHELL_OK)
		shell_say(sh, "draft dropped");
	return rc;
}
