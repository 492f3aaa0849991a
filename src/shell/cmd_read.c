#include <stdlib.h>
#include <string.h>

#include "shell/cmd.h"
#include "shell/json.h"
#include "shell/output.h"

const struct command_option cmd_read_options[] = {
	{ "headers", 0, "WHICH", COMPLETE_NONE,
	  "none, minimal (From, To), short or all" },
	{ "part", 0, "N", COMPLETE_NONE, "this part only" },
	{ "html", 0, NULL, COMPLETE_NONE,
	  "the HTML version, when there is one" },
	{ "raw", 0, NULL, COMPLETE_NONE, "the bytes as they came" },
	{ "no-pager", 0, NULL, COMPLETE_NONE, "never through the pager" },
	{ NULL, 0, NULL, COMPLETE_NONE, NULL },
};

struct reading {
	const struct args *a;
	struct mime_render_options render;
	unsigned part; /* 0: the message */
	struct buf text;
};

static int
reading_options(struct shell *sh, const struct args *a, struct reading *r)
{
	static const struct {
		const char *word;
		enum mime_headers headers;
	} words[] = { { "none", MIME_HEADERS_NONE },
		      { "minimal", MIME_HEADERS_MINIMAL },
		      { "short", MIME_HEADERS_SHORT },
		      { "all", MIME_HEADERS_ALL } };
	const struct arg *v = args_value(a, "headers");
	const struct arg *part = args_value(a, "part");
	uint64_t n = 0;
	size_t i = 2;

	r->a = a;
	if (v != NULL) {
		for (i = 0; i < 4 && strcmp(words[i].word, v->text) != 0; i++)
			;
		if (i == 4)
			return failure_set(&sh->fail, SHELL_USAGE,
					   "--headers is none, minimal, short "
					   "or all");
	}
	if (part != NULL &&
	    (span_u64(arg_span(part), &n) != 0 || n == 0 || n > MIME_PARTS_MAX))
		return failure_set(&sh->fail, SHELL_USAGE,
				   "--part wants a number");
	r->part = (unsigned)n;
	r->render.headers = words[i].headers;
	r->render.prefer_html = args_has(a, "html");
	r->render.width = shell_size(sh).columns;
	r->render.bold_names = shell_color(sh);
	return SHELL_OK;
}

int
cmd_read_check(struct shell *sh, const struct args *a)
{
	struct reading r = { .a = a };

	return reading_options(sh, a, &r);
}

static int
json_message(struct shell *sh, uint32_t n, const struct reading *r)
{
	const struct message *m = &sh->box.v[n - 1];
	struct json_row *row = json_row_new("message");

	json_row_number(row, "n", n);
	json_row_text(row, "uid", m->uidl);
	json_row_text(row, "from", m->s.from);
	json_row_text(row, "to", m->s.to);
	json_row_text(row, "cc", m->s.cc);
	json_row_text(row, "subject", m->s.subject);
	json_row_text(row, "id", m->s.message_id);
	json_row_number(row, "size", (int64_t)m->bytes);
	json_row_text(row, "body", r->text.p == NULL ? "" : r->text.p);
	if (json_row_print(&row, sh->out) != 0)
		return failure_set(&sh->fail, SHELL_LOCAL, "out of memory");
	return SHELL_OK;
}

static int
render(struct shell *sh, uint32_t n, struct reading *r)
{
	struct mime_render_options o = r->render;
	struct mime *m = NULL;
	struct err e = { 0 };
	int rc = SHELL_OK;

	o.message = n;
	o.never_empty = r->a->format != FORMAT_JSON;
	if (r->a->format == FORMAT_JSON) {
		o.headers = MIME_HEADERS_NONE;
		rc = mailbox_summarise(sh, &n, 1);
	}
	if (rc != SHELL_OK)
		return rc;
	if (mime_parse(&m, buf_span(&sh->box.raw), &e) != 0)
		return failure_from_local(&sh->fail, &e);
	if ((r->part != 0 ? mime_part_text(m, r->part, &o, &r->text, &e)
			  : mime_render(m, &o, &r->text, &e)) != 0)
		rc = e.class == ERR_PERM
			 ? failure_set(&sh->fail, SHELL_REFUSED, "%s", e.msg)
			 : failure_from_local(&sh->fail, &e);
	mime_free(&m);
	if (rc != SHELL_OK || r->a->format != FORMAT_JSON)
		return rc;
	if (buf_add_char(&r->text, '\0') != 0)
		return failure_set(&sh->fail, SHELL_LOCAL, "out of memory");
	return json_message(sh, n, r);
}

static int
read_one(struct shell *sh, uint32_t n, bool titled, struct reading *r)
{
	int rc = mailbox_fetch(sh, n);

	if (rc != SHELL_OK)
		return rc;
	buf_clear(&r->text);
	if (args_has(r->a, "raw")) {
		if (sh->box.raw.n == 0) /* no byte of it may be ours */
			shell_note(sh, "[message %u is empty]", n);
		rc = output_raw(sh, buf_span(&sh->box.raw), false);
	} else {
		if (titled && r->a->format != FORMAT_JSON &&
		    buf_addf(&r->text, "-- message %u --\n", n) != 0)
			return failure_set(&sh->fail, SHELL_LOCAL,
					   "out of memory");
		rc = render(sh, n, r);
		if (rc == SHELL_OK && r->a->format != FORMAT_JSON)
			rc = output_page(sh, buf_span(&r->text),
					 !args_has(r->a, "no-pager"));
	}
	if (rc == SHELL_OK) {
		sh->box.v[n - 1].seen = true;
		sh->box.v[n - 1].fresh = false;
		sh->box.current = n;
	}
	return rc;
}

/* Without a set: the next one not read here, else the current one again. */
static int
select_to_read(struct shell *sh, const struct args *a, uint32_t **numbers,
	       uint32_t *n)
{
	int rc;

	if (a->n > 0)
		return cmd_select(sh, a->operand, a->n, NULL, false, numbers,
				  n);
	rc = cmd_select(sh, NULL, 0, "unread", true, numbers, n);
	if (rc != SHELL_OK)
		return rc;
	if (*n > 0) {
		*n = 1;
		return SHELL_OK;
	}
	free(*numbers);
	return cmd_select(sh, NULL, 0, NULL, false, numbers, n);
}

/* Those of several that could not be shown. */
struct unshown {
	uint32_t n;
	struct failure first;
};

/* It is named, and the others follow. */
static int
skip_one(struct shell *sh, uint32_t n, int rc, struct unshown *u)
{
	if (!mailbox_goes_on(sh, rc))
		return rc;
	shell_note(sh, "message %u is not shown: %s", n, sh->fail.text);
	if (u->n++ == 0)
		u->first = sh->fail;
	sh->fail = (struct failure){ 0 };
	return SHELL_OK;
}

static int
say_unshown(struct shell *sh, const struct unshown *u, uint32_t n)
{
	if (u->n == 0)
		return SHELL_OK;
	if (u->n < n)
		return failure_set(&sh->fail, SHELL_PARTIAL,
				   "%u of %u messages are not shown", u->n, n);
	sh->fail = u->first;
	return (int)u->first.status;
}

int
cmd_read(struct shell *sh, const struct args *a)
{
	struct reading r = { .a = a };
	struct unshown unshown = { 0 };
	uint32_t *numbers = NULL, n = 0;
	int rc = reading_options(sh, a, &r);

	if (rc == SHELL_OK)
		rc = select_to_read(sh, a, &numbers, &n);
	buf_init(&r.text, MIME_TEXT_MAX + 4 * MIME_HEADER_MAX);
	for (uint32_t i = 0; rc == SHELL_OK && i < n; i++) {
		if (shell_interrupted(sh))
			rc = failure_set(&sh->fail, SHELL_INTERRUPTED,
					 "interrupted");
		else
			rc = read_one(sh, numbers[i], n > 1, &r);
		if (rc != SHELL_OK && n > 1)
			rc = skip_one(sh, numbers[i], rc, &unshown);
	}
	if (rc == SHELL_OK)
		rc = say_unshown(sh, &unshown, n);
	buf_free(&r.text);
	free(numbers);
	return rc;
}
