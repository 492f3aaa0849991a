#include "shell/contacts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/durable.h"
#include "mail/address.h"
#include "shell/user_file.h"

void
contacts_free(struct contacts *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->v[i].name);
		free(c->v[i].address);
		free(c->v[i].full);
	}
	free(c->v);
	*c = (struct contacts){ 0 };
}

const struct contact *
contacts_find(const struct contacts *c, struct span name)
{
	for (size_t i = 0; i < c->n; i++)
		if (span_eq_nocase(name, span_of(c->v[i].name)))
			return &c->v[i];
	return NULL;
}

/* A name must not be mistaken for an address, a list or an option. */
static int
check_name(struct span name, struct err *e)
{
	if (name.n == 0 || name.n > CONTACTS_NAME_MAX)
		return err_set(e, ERR_PERM, 0, "a name has 1 to %d bytes",
			       CONTACTS_NAME_MAX);
	for (size_t i = 0; i < name.n; i++)
		if ((unsigned char)name.p[i] <= ' ' || name.p[i] == 0x7f ||
		    strchr("@,;:<>()\"'#$", name.p[i]) != NULL)
			return err_set(e, ERR_PERM, 0,
				       "%.*s: a name is one word without "
				       "@ , ; : < > ( ) quotes # $",
				       SPAN_ARG(name));
	if (name.p[0] == '-')
		return err_set(e, ERR_PERM, 0, "a name cannot begin with -");
	return 0;
}

static int
has_control(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return 1;
	return 0;
}

static int
fill(struct contact *x, struct span name, struct span address, struct span full)
{
	x->name = strndup(name.p, name.n);
	x->address = strndup(address.p, address.n);
	x->full = strndup(full.n == 0 ? "" : full.p, full.n);
	if (x->name != NULL && x->address != NULL && x->full != NULL)
		return 0;
	free(x->name);
	free(x->address);
	free(x->full);
	return -1;
}

/* Add, or change the address; PERM when name or address is no such thing. */
static int
contacts_put(struct contacts *c, struct span name, struct span address,
	     struct span full, struct err *e)
{
	struct contact made, *more;
	struct address a;

	full = span_trim(full);
	if (check_name(name, e) != 0 ||
	    address_parse_mailbox(address, ADDRESS_ALLOW_UTF8, &a, e) != 0)
		return -1;
	if (full.n > 200 || has_control(full) || span_find(full, '"', 0) >= 0 ||
	    span_find(full, '\\', 0) >= 0)
		return err_set(e, ERR_PERM, 0,
			       "the full name is not one line of at most 200 "
			       "bytes without \" and \\");
	if (c->n == CONTACTS_MAX)
		return err_set(e, ERR_LIMIT, 0, "too many contacts");
	if (fill(&made, name, address, full) != 0)
		return err_set(e, ERR_TEMP, 0, "out of memory");
	(void)contacts_remove(c, name);
	more = realloc(c->v, (c->n + 1) * sizeof(*more));
	if (more == NULL) {
		free(made.name);
		free(made.address);
		free(made.full);
		return err_set(e, ERR_TEMP, 0, "out of memory");
	}
	c->v = more;
	c->v[c->n++] = made;
	return 0;
}

int
contacts_remove(struct contacts *c, struct span name)
{
	for (size_t i = 0; i < c->n; i++) {
		if (!span_eq_nocase(name, span_of(c->v[i].name)))
			continue;
		free(c->v[i].name);
		free(c->v[i].address);
		free(c->v[i].full);
		memmove(&c->v[i], &c->v[i + 1],
			(c->n - i - 1) * sizeof(c->v[0]));
		c->n--;
		return 1;
	}
	return 0;
}

/* A line of the file: 1 a contact, put into *c; 0 a comment or nothing; -1
 * neither. */
static int
take_line(struct contacts *c, struct span line, struct err *e)
{
	struct span rest = span_trim(line), who, address;

	if (rest.n == 0 || rest.p[0] == '#')
		return 0;
	who = span_word(&rest);
	address = span_word(&rest);
	if (address.n == 0)
		return err_set(e, ERR_PERM, 0, "no address");
	return contacts_put(c, who, address, rest, e) == 0 ? 1 : -1;
}

int
contacts_parse(struct contacts *c, struct span text, const char *name,
	       struct buf *bad, struct err *e)
{
	struct span line;
	int unread = 0;

	for (int at = 1; user_file_line(&text, &line, 0); at++) {
		struct err local = { 0 };

		if (take_line(c, line, &local) >= 0)
			continue;
		if (local.class == ERR_TEMP) {
			*e = local;
			return -1;
		}
		if (unread++ < CONTACTS_NAMED_MAX && bad != NULL)
			(void)buf_addf(bad, "%s:%d: %s\n", name, at, local.msg);
	}
	return unread;
}

int
contacts_load(struct contacts *c, const char *path, struct buf *bad,
	      struct err *e)
{
	struct err local = { 0 };
	char *text = NULL;
	size_t n = 0;
	int rc;

	if (durable_read_file(AT_FDCWD, path, CONTACTS_FILE_MAX, &text, &n,
			      &local) != 0) {
		if (local.sys == ENOENT)
			return 0;
		*e = local;
		return -1;
	}
	rc = contacts_parse(c, span_make(text, n), path, bad, e);
	free(text);
	return rc;
}

/* ---- changes --------------------------------------------------------------
 */

static bool
is_named(const struct contacts_change *x, struct span name)
{
	for (size_t i = 0; i < x->n_names; i++)
		if (span_eq_nocase(name, x->name[i]))
			return true;
	return false;
}

/* Is the line the contact of one of the names?  A line that cannot be read is
 * nobody's. */
static bool
is_line_of(const struct contacts_change *x, struct span line)
{
	struct contacts one = { 0 };
	struct err ignored;
	bool yes = take_line(&one, line, &ignored) == 1 &&
		   is_named(x, span_of(one.v[0].name));

	contacts_free(&one);
	return yes;
}

int
contacts_change(struct contacts *c, const struct contacts_change *x,
		struct err *e)
{
	for (size_t i = 0; !x->add && i < x->n_names; i++)
		if (contacts_find(c, x->name[i]) == NULL)
			return err_set(e, ERR_PERM, 0, "no contact %.*s",
				       SPAN_ARG(x->name[i]));
	if (x->add)
		return contacts_put(c, x->name[0], x->address, x->full, e);
	for (size_t i = 0; i < x->n_names; i++)
		(void)contacts_remove(c, x->name[i]);
	return 0;
}

/* The text as it is, but for the lines of the names, and the new one. */
static int
edit_text(struct span text, const struct contacts_change *x, struct buf *out)
{
	struct span line, full = span_trim(x->full);
	int rc = 0;

	while (rc == 0 && user_file_line(&text, &line, 1))
		if (!is_line_of(x, line))
			rc = buf_add_span(out, line);
	if (rc != 0 || !x->add)
		return rc;
	if (out->n > 0 && out->p[out->n - 1] != '\n')
		rc = buf_add_char(out, '\n');
	rc |= buf_add_span(out, x->name[0]);
	rc |= buf_add_char(out, ' ');
	rc |= buf_add_span(out, x->address);
	if (full.n > 0)
		rc |= buf_add_char(out, ' ') | buf_add_span(out, full);
	return rc | buf_add_char(out, '\n');
}

int
contacts_change_file(struct contacts *c, const char *path,
		     const struct contacts_change *x, struct err *e)
{
	struct contacts now = { 0 };
	struct user_file f;
	struct buf b;
	int rc = -1;

	buf_init(&b, CONTACTS_FILE_MAX);
	if (user_file_open(&f, path, CONTACTS_FILE_MAX, e) != 0)
		goto out;
	if (contacts_parse(&now, span_make(f.text, f.n), path, NULL, e) < 0)
		goto out;
	if (contacts_change(&now, x, e) != 0)
		goto out;
	if (edit_text(span_make(f.text, f.n), x, &b) != 0)
		rc = err_set(e, ERR_LIMIT, errno, "the contacts file is full");
	else
		rc = user_file_replace(&f, buf_span(&b), e);
	if (rc == 0) {
		contacts_free(c);
		*c = now;
		now = (struct contacts){ 0 };
	}
out:
	contacts_free(&now);
	user_file_close(&f);
	buf_free(&b);
	return rc;
}

/* ---- addresses ------------------------------------------------------------
 */

/* The end of the first part of a list: a comma outside quotes, < > and ( ). */
static size_t
part_length(struct span s)
{
	bool quoted = false;
	int angle = 0, paren = 0;

	for (size_t i = 0; i < s.n; i++) {
		char ch = s.p[i];

		if (quoted && ch == '\\')
			i++;
		else if (ch == '"')
			quoted = !quoted;
		else if (quoted)
			continue;
		else if (ch == '<' || ch == '>')
			angle = ch == '<';
		else if (ch == '(' || ch == ')')
			paren += ch == '(' ? 1 : -1;
		else if (ch == ',' && !angle && paren <= 0)
			return i;
	}
	return s.n;
}

static int
resolve(const struct contacts *c, struct span text, bool known_only,
	struct buf *out, struct err *e)
{
	bool first = true;

	while (text.n > 0) {
		size_t n = part_length(text);
		struct span part = span_trim(span_head(text, n));
		const struct contact *x;
		int rc;

		text = span_skip(text, n < text.n ? n + 1 : n);
		if (part.n == 0)
			continue;
		x = contacts_find(c, part);
		rc = first ? 0 : buf_add_str(out, ", ");
		first = false;
		if (x != NULL && x->full[0] != '\0')
			rc |= buf_addf(out, "\"%s\" <%s>", x->full, x->address);
		else if (x != NULL)
			rc |= buf_add_str(out, x->address);
		else if (known_only || span_find(part, '@', 0) >= 0 ||
			 span_find(part, ':', 0) >= 0)
			rc |= buf_add_span(out, part);
		else
			return err_set(e, ERR_PERM, 0,
				       "%.*s is neither an address nor a "
				       "contact",
				       SPAN_ARG(part));
		if (rc != 0)
			return err_set(e, ERR_LIMIT, 0, "too many addresses");
	}
	return 0;
}

int
contacts_resolve(const struct contacts *c, struct span text, struct buf *out,
		 struct err *e)
{
	return resolve(c, text, false, out, e);
}

int
contacts_resolve_known(const struct contacts *c, struct span text,
		       struct buf *out, struct err *e)
{
	return resolve(c, text, true, out, e);
}
