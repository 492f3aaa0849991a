#include "shell/draft.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "mail/address.h"
#include "shell/paths.h"
#include "shell/tty.h"

void
draft_clear(struct draft *d)
{
	free(d->to);
	free(d->cc);
	free(d->bcc);
	free(d->subject);
	free(d->in_reply_to);
	free(d->references);
	free(d->body);
	for (unsigned i = 0; i < d->n_fields; i++) {
		free(d->field_name[i]);
		free(d->field_value[i]);
	}
	for (unsigned i = 0; i < d->n_attachments; i++)
		free(d->attachment[i]);
	*d = (struct draft){ 0 };
}

int
draft_set(char **field, struct span value)
{
	char *copy = strndup(value.n == 0 ? "" : value.p, value.n);

	if (copy == NULL)
		return -1;
	free(*field);
	*field = copy;
	return 0;
}

int
draft_add_list(char **field, struct span value)
{
	struct buf b;
	int rc = 0;

	if (*field == NULL || **field == '\0')
		return draft_set(field, value);
	buf_init(&b, 1024 * 1024);
	rc |= buf_add_str(&b, *field);
	rc |= buf_add_str(&b, ", ");
	rc |= buf_add_span(&b, value);
	if (rc == 0)
		rc = draft_set(field, buf_span(&b));
	buf_free(&b);
	return rc;
}

int
draft_set_body(struct draft *d, struct span text)
{
	char *copy = malloc(text.n + 1);

	if (copy == NULL)
		return -1;
	if (text.n > 0)
		memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	free(d->body);
	d->body = copy;
	d->body_n = text.n;
	return 0;
}

int
draft_check_value(struct shell *sh, const char *name, struct span value)
{
	struct err e = { 0 };

	if (mime_check_value(name, value, &e) == 0)
		return SHELL_OK;
	return failure_set(&sh->fail, SHELL_USAGE, "%s", e.msg);
}

int
draft_put_field(struct buf *out, const char *name, const char *value)
{
	size_t at = out->n;

	if (buf_addf(out, "%s: %s", name, value == NULL ? "" : value) != 0)
		return -1;
	for (; at < out->n; at++)
		if (mime_is_control(out->p[at]))
			out->p[at] = ' ';
	return buf_add_char(out, '\n');
}

int
draft_check_attachment(struct shell *sh, const char *path)
{
	struct stat st;
	char text[128];

	if (stat(path, &st) != 0 || access(path, R_OK) != 0)
		return failure_set(&sh->fail, SHELL_LOCAL, "%s: %s", path,
				   err_sys_text(errno, text, sizeof(text)));
	if (!S_ISREG(st.st_mode))
		return failure_set(&sh->fail, SHELL_LOCAL,
				   "%s: not a regular file", path);
	return SHELL_OK;
}

int
draft_attach(struct shell *sh, const char *path)
{
	struct draft *d = &sh->draft;
	char full[PATHS_SIZE], text[128];

	if (d->n_attachments == DRAFT_FILES_MAX)
		return failure_set(&sh->fail, SHELL_USAGE,
				   "at most %d attachments", DRAFT_FILES_MAX);
	if (paths_expand(full, path) != 0)
		return failure_set(&sh->fail, SHELL_LOCAL, "%s: %s", path,
				   err_sys_text(errno, text, sizeof(text)));
	/* Better said now than when it is sent. */
	if (draft_check_attachment(sh, full) != SHELL_OK)
		return SHELL_LOCAL;
	if (draft_set(&d->attachment[d->n_attachments], span_of(full)) != 0)
		return failure_set(&sh->fail, SHELL_LOCAL, "out of memory");
	d->n_attachments++;
	return SHELL_OK;
}

int
draft_add_field(struct shell *sh, struct span text)
{
	struct draft *d = &sh->draft;
	long colon = span_find(text, ':', 0);
	unsigned i = d->n_fields;

	if (colon <= 0)
		return failure_set(&sh->fail, SHELL_USAGE,
				   "write a field as --header \"Name: value\"");
	if (i == DRAFT_FIELDS_MAX)
		return failure_set(&sh->fail, SHELL_USAGE, "at most %d fields",
				   DRAFT_FIELDS_MAX);
	if (draft_check_value(sh, "header", text) != SHELL_OK)
		return SHELL_USAGE;
	if (draft_set(&d->field_name[i],
		      span_trim(span_head(text, (size_t)colon))) != 0 ||
	    draft_set(&d->field_value[i],
		      span_trim(span_skip(text, (size_t)colon + 1))) != 0) {
		free(d->field_name[i]);
		d->field_name[i] = NULL;
		return failure_set(&sh->fail, SHELL_LOCAL, "out of memory");
	}
	d->n_fields++;
	return SHELL_OK;
}

/* ---- building -------------------------------------------------------------
 */

static bool
is_listed(const struct draft_built *b, const char *address)
{
	char mine[ADDRESS_SIZE], other[ADDRESS_SIZE];
	struct address x;
	struct err e;

	if (address_parse_mailbox(span_of(address), ADDRESS_ALLOW_UTF8, &x,
				  &e) != 0 ||
	    address_canonical(&x, mine) != 0)
		return false;
	for (unsigned i = 0; i < b->n_recipients; i++) {
		if (address_parse_mailbox(span_of(b->recipients[i]),
					  ADDRESS_ALLOW_UTF8, &x, &e) == 0 &&
		    address_canonical(&x, other) == 0 &&
		    strcmp(mine, other) == 0)
			return true;
	}
	return false;
}

int
draft_add_recipients(struct shell *sh, const char *field, struct span addresses,
		     struct arena *a, struct draft_built *built)
{
	struct mime_address *list = NULL;
	struct err e = { 0 };
	unsigned n = 0;

	if (built->recipients == NULL)
		built->recipients =
		    arena_alloc(a, MIME_ADDRESSES_MAX * sizeof(char *));
	if (built->recipients == NULL)
		return failure_set(&sh->fail, SHELL_LOCAL, "out of memory");
	if (mime_addresses(addresses, a, &list, &n, &e) != 0)
		return failure_set(&sh->fail, SHELL_USAGE, "%s: %s", field,
				   e.msg);
	for (unsigned i = 0; i < n; i++) {
		if (is_listed(built, list[i].address))
			continue;
		if (built->n_recipients == MIME_ADDRESSES_MAX)
			return failure_set(&sh->fail, SHELL_USAGE,
					   "more than %d recipients",
					   MIME_ADDRESSES_MAX);
		built->recipients[built->n_recipients++] = list[i].address;
	}
	return SHELL_OK;
}

int
draft_add_typed(struct shell *sh, const char *field, const char *typed,
		struct arena *a, const char **text, struct draft_built *built)
{
	const char *resolved = "";
	struct err e = { 0 };
	struct buf b;
	int rc = SHELL_OK;

	buf_init(&b, 1024 * 1024);
	if (typed == NULL || *typed == '\0') {
		/* an empty list is fine */
	} else if (contacts_resolve(&sh->contacts, span_of(typed), &b, &e) !=
		   0) {
		rc =
		    failure_set(&sh->fail, SHELL_USAGE, "%s: %s", field, e.msg);
		if (e.class == ERR_PERM)
			failure_hint(&sh->fail, "contact add NAME ADDRESS");
	} else if ((resolved = arena_str(a, buf_span(&b))) == NULL) {
		rc = failure_set(&sh->fail, SHELL_LOCAL, "out of memory");
	} else {
		rc = draft_add_recipients(sh, field, span_of(resolved), a,
					  built);
	}
	buf_free(&b);
	if (text != NULL)
		*text = resolved;
	return rc;
}

static int
add_all(struct shell *sh, struct arena *a, struct draft_built *built,
	struct mime_draft *m)
{
	const struct draft *d = &sh->draft;
	const char *bcc;
	int rc;

	rc = draft_add_typed(sh, "to", d->to, a, &m->to, built);
	if (rc == SHELL_OK)
		rc = draft_add_typed(sh, "cc", d->cc, a, &m->cc, built);
	if (rc == SHELL_OK)
		rc = draft_add_typed(sh, "bcc", d->bcc, a, &bcc, built);
	return rc;
}

int
draft_check(struct shell *sh, struct arena *a)
{
	struct draft_built built = { 0 };
	struct mime_draft m = { 0 };

	return add_all(sh, a, &built, &m);
}

static int
copy_fields(struct shell *sh, struct arena *a, struct mime_draft *m)
{
	const struct draft *d = &sh->draft;
	struct mime_field *f = arena_alloc(a, (d->n_fields + 1) * sizeof(*f));
	const char **files =
	    arena_alloc(a, (d->n_attachments + 1) * sizeof(*files));

	if (f == NULL || files == NULL)
		return failure_set(&sh->fail, SHELL_LOCAL, "out of memory");
	for (unsigned i = 0; i < d->n_fields; i++) {
		f[i].name = d->field_name[i];
		f[i].value = d->field_value[i];
	}
	for (unsigned i = 0; i < d->n_attachments; i++)
		files[i] = d->attachment[i];
	m->fields = f;
	m->n_fields = d->n_fields;
	m->attachments = files;
	m->n_attachments = d->n_attachments;
	return SHELL_OK;
}

const char *
draft_author(const struct shell *sh)
{
	return sh->session.user[0] != '\0' ? sh->session.user : sh->draft.from;
}

int
draft_build(struct shell *sh, bool eight_bit, bool utf8, struct arena *a,
	    struct draft_built *built)
{
	const struct draft *d = &sh->draft;
	const char *user = draft_author(sh);
	const char *at = strrchr(user, '@');
	struct mime_draft m = {
		.from = user,
		.subject = d->subject,
		.in_reply_to = d->in_reply_to,
		.references = d->references,
		.has_date = true,
		.date_s = clock_wall_s(),
		.body = span_make(d->body, d->body_n),
		.server_8bit = eight_bit,
		.server_utf8 = utf8,
	};
	struct err e = { 0 };
	int rc;

	buf_init(&built->bytes, MIME_MESSAGE_MAX);
	rc = add_all(sh, a, built, &m);
	if (rc == SHELL_OK)
		rc = copy_fields(sh, a, &m);
	if (rc != SHELL_OK)
		return rc;
	mime_new_id(at == NULL ? "localhost" : at + 1, built->id);
	m.message_id = built->id;
	if (mime_build(&m, &built->bytes, &built->facts, &e) != 0)
		return e.class == ERR_PERM
			   ? failure_set(&sh->fail, SHELL_USAGE, "%s", e.msg)
			   : failure_from_local(&sh->fail, &e);
	return SHELL_OK;
}
