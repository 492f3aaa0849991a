#include <stdlib.h>
#include <string.h>

#include "mail/header.h"
#include "shell/mailbox.h"
#include "shell/set.h"
#include "shell/shell.h"

/*
 * POP3 cannot search, so a set is evaluated here: first by what the list
 * knows, then by headers (fetched for all at once), last by whole messages.
 */

/* ---- does a message match? ------------------------------------------------
 */

/* Steps that look into the summary, the raw header or the text. */
static int
need(struct shell *sh, uint32_t n, enum set_kind kind, struct err *e)
{
	int rc = SHELL_OK;

	if (kind == SET_HEADER || kind == SET_LIST || kind == SET_BODY ||
	    kind == SET_TEXT || kind == SET_ATTACHMENT)
		rc = mailbox_fetch(sh, n);
	if (rc == SHELL_OK && !sh->box.v[n - 1].summarised)
		rc = mailbox_summarise(sh, &n, 1);
	if (rc == SHELL_OK)
		return 0;
	/* PERM: this message alone */
	return err_set(e,
		       rc == SHELL_INTERRUPTED   ? ERR_STOP
		       : mailbox_goes_on(sh, rc) ? ERR_PERM
						 : ERR_TEMP,
		       0, "%s", sh->fail.text);
}

/* What was not found may stand behind a bound: then it is not known, and the
 * message is left out, of `not` too. */
static int
known(const struct mime *m, unsigned bounds, bool yes, struct err *e)
{
	unsigned over = mime_over(m) & bounds;

	/* the lowest bit: one reason is enough */
	return yes || over == 0
		   ? 0
		   : err_set(e, ERR_LIMIT, 0, "%s",
			     mime_over_text((enum mime_over)(over & -over)));
}

static int
in_body(struct shell *sh, const struct set_step *step, bool *yes, struct err *e)
{
	const struct mime_render_options o = {
		.headers = step->kind == SET_TEXT ? MIME_HEADERS_ALL
						  : MIME_HEADERS_NONE,
		.no_attachments = true,
		.all_text = true,
	};
	struct mime *m = NULL;
	struct buf text;
	int rc;

	buf_init(&text, MIME_TEXT_MAX + 1);
	rc = mime_parse(&m, buf_span(&sh->box.raw), e);
	if (rc == 0)
		rc = mime_render(m, &o, &text, e);
	if (rc == 0 && buf_add_char(&text, '\0') == 0)
		*yes = set_text_matches(step, text.p);
	if (rc == 0)
		rc = known(m, ~0U, *yes, e);
	mime_free(&m);
	buf_free(&text);
	return rc;
}

static int
in_header(struct shell *sh, const struct set_step *step, const char *name,
	  bool *yes, struct err *e)
{
	struct mime *m = NULL;
	struct buf value;
	int rc = mime_parse(&m, buf_span(&sh->box.raw), e);

	*yes = false;
	buf_init(&value, HEADER_BLOCK_MAX);
	for (unsigned i = 0; rc == 0 && i < 1000 && !*yes; i++) {
		buf_clear(&value);
		if (mime_header(m, name, i, &value) != 1)
			break;
		if (buf_add_char(&value, '\0') == 0)
			*yes = set_text_matches(step, value.p);
	}
	if (rc == 0)
		rc = known(m, MIME_OVER_HEADER, *yes, e);
	mime_free(&m);
	buf_free(&value);
	return rc;
}

static int
has_attachment(struct shell *sh, bool *yes, struct err *e)
{
	struct mime *m = NULL;

	if (mime_parse(&m, buf_span(&sh->box.raw), e) != 0)
		return -1;
	*yes = mime_has_attachment(m);
	int rc = known(m, MIME_OVER_HEADER, *yes, e);
	mime_free(&m);
	return rc;
}

static bool
in_last(const struct mailbox *b, uint32_t n)
{
	for (uint32_t i = 0; i < b->n_last; i++)
		if (b->last[i] == n)
			return true;
	return false;
}

/* What the list itself knows.  1 answered, 0 more is needed. */
static int
test_known(struct shell *sh, uint32_t n, const struct set_step *step, bool *yes)
{
	const struct message *m = &sh->box.v[n - 1];

	switch ((int)step->kind) {
	case SET_NEW:
		*yes = m->fresh;
		return 1;
	case SET_UNREAD:
		*yes = !m->seen;
		return 1;
	case SET_READ:
		*yes = m->seen;
		return 1;
	case SET_DELETED:
		*yes = m->deleted;
		return 1;
	case SET_LAST:
		*yes = in_last(&sh->box, n);
		return 1;
	case SET_UID:
		*yes = span_eq(step->text, span_of(m->uidl));
		return 1;
	case SET_SIZE_OVER:
		*yes = m->bytes > (uint64_t)step->number;
		return 1;
	case SET_SIZE_UNDER:
		*yes = m->bytes < (uint64_t)step->number;
		return 1;
	default:
		return 0;
	}
}

static bool
test_date(const struct mime_summary *s, const struct set_step *step)
{
	enum { DAY = 24 * 60 * 60 };
	/* Without a Date that can be read, when did it arrive? */
	int64_t at = s->has_date ? s->date_s : s->received_s;

	if (at == 0)
		return false;
	switch ((int)step->kind) {
	case SET_SINCE:
	case SET_NEWER:
		return at >= step->number;
	case SET_BEFORE:
	case SET_OLDER:
		return at < step->number;
	default:
		return at >= step->number && at < step->number + DAY;
	}
}

static int
test_step(void *ctx, uint32_t n, const struct set_step *step, bool *yes,
	  struct err *e)
{
	struct shell *sh = ctx;
	const struct mime_summary *s;
	char name[256];

	if (test_known(sh, n, step, yes) == 1)
		return 0;
	if (need(sh, n, step->kind, e) != 0)
		return -1;
	s = &sh->box.v[n - 1].s;
	switch ((int)step->kind) {
	case SET_FROM:
		*yes = set_text_matches(step, s->from);
		return 0;
	case SET_TO:
		*yes = set_text_matches(step, s->to);
		return 0;
	case SET_CC:
		*yes = set_text_matches(step, s->cc);
		return 0;
	case SET_SUBJECT:
		*yes = set_text_matches(step, s->subject);
		return 0;
	case SET_ID:
		*yes = set_text_matches(step, s->message_id);
		return 0;
	case SET_ATTACHMENT:
		return has_attachment(sh, yes, e);
	case SET_BODY:
	case SET_TEXT:
		return in_body(sh, step, yes, e);
	case SET_HEADER:
		if (span_copy(step->name, name, sizeof(name)) != 0)
			name[0] = '\0';
		return in_header(sh, step, name, yes, e);
	case SET_LIST:
		return in_header(sh, step, "List-Id", yes, e);
	default:
		*yes = test_date(s, step);
		return 0;
	}
}

/* ---- selection ------------------------------------------------------------
 */

static uint32_t
highest(struct mailbox *b)
{
	uint32_t n = b->n;

	while (n > 0 && mailbox_at(b, n) == NULL)
		n--;
	return n;
}

/* One mail that is too deep, too big or not given by the server must not hide
 * the others: it is named and left out. */
static bool
leave_out(struct shell *sh, uint32_t n, const struct err *e)
{
	if (e->class != ERR_LIMIT && e->class != ERR_PERM)
		return false;
	sh->fail = (struct failure){ 0 };
	shell_note(sh, "message %u is left out: %s", n, e->msg);
	return true;
}

int
mailbox_select(struct shell *sh, const struct set *s, uint32_t **numbers,
	       uint32_t *n)
{
	struct mailbox *b = &sh->box;
	const struct set_view view = { .current = b->current,
				       .highest = highest(b),
				       .test = test_step,
				       .ctx = sh };
	uint32_t *v = calloc((size_t)b->n + 1, sizeof(*v)), count = 0;
	uint32_t *all = NULL;
	int rc = SHELL_OK;

	if (v == NULL)
		return failure_set(&sh->fail, SHELL_LOCAL, "out of memory");
	/* Fetch the headers of all at once rather than one by one. */
	if (set_needs(s, SET_FROM, SET_SUBJECT) ||
	    set_needs(s, SET_ID, SET_ID) ||
	    set_needs(s, SET_SINCE, SET_OLDER)) {
		all = calloc((size_t)b->n + 1, sizeof(*all));
		for (uint32_t i = 0; all != NULL && i < b->n; i++)
			all[i] = i + 1;
		rc = all == NULL
			 ? failure_set(&sh->fail, SHELL_LOCAL, "out of memory")
			 : mailbox_summarise(sh, all, b->n);
		free(all);
	}
	for (uint32_t i = 1; rc == SHELL_OK && i <= b->n; i++) {
		struct err e = { 0 };
		int yes;

		if (mailbox_at(b, i) == NULL)
			continue;
		yes = set_matches(s, &view, i, &e);
		if (yes < 0 && leave_out(sh, i, &e))
			continue;
		if (yes < 0)
			rc = sh->fail.status != SHELL_OK
				 ? (int)sh->fail.status
				 : failure_from_local(&sh->fail, &e);
		else if (yes)
			v[count++] = i;
	}
	if (rc != SHELL_OK) {
		free(v);
		return rc;
	}
	*numbers = v;
	*n = count;
	return SHELL_OK;
}
