#include "shell/contacts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/durable.h"
#include "mail/address.h"

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

int
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

int
contacts_parse(struct contacts *c, struct span text, const char *name,
	       struct err *e)
{
	int line = 0;

	while (text.n > 0) {
		long nl = span_find(text, '\n', 0);
		struct span rest =
		    span_trim(span_head(text, nl < 0 ? text.n : (size_t)nl));
		struct span who, address;

		text = span_skip(text, nl < 0 ? text.n : (size_t)nl + 1);
		line++;
		if (rest.n == 0 || rest.p[0] == '#')
			continue;
		who = span_word(&rest);
		address = span_word(&rest);
		if (address.n == 0)
			(void)err_set(e, ERR_PERM, 0, "no address");
		else if (contacts_put(c, who, address, rest, e) == 0)
			continue;
		return err_prefix(e, "%s:%d", name, line);
	}
	return 0;
}

int
contacts_load(struct contacts *c, const char *path, struct err *e)
{
	struct err local = { 0 };
	const char *slash = strrchr(path, '/');
	char *text = NULL, dir[4096];
	size_t n = 0;
	int fd, rc;

	if (slash == NULL || span_copy(span_make(path, (size_t)(slash - path)),
				       dir, sizeof(dir)) != 0)
		return err_set(e, ERR_PERM, 0, "%s: not a path", path);
	fd = durable_open_dir(AT_FDCWD, dir, 0, &local);
	if (fd < 0) {
		if (local.sys == ENOENT)
			return 0;
		*e = local;
		return -1;
	}
	rc = durable_read_file(fd, slash + 1, CONTACTS_FILE_MAX, &text, &n,
			       &local);
	(void)close(fd);
	if (rc != 0) {
		if (local.sys == ENOENT)
			return 0;
		*e = local;
		return -1;
	}
	rc = contacts_parse(c, span_make(text, n), path, e);
	free(text);
	return rc;
}

/* Every directory down to dir. */
static int
open_dirs(const char *dir, struct err *e)
{
	struct span left = span_of(dir);
	int at;

	at =
	    open(dir[0] == '/' ? "/" : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (at < 0)
		return err_set(e, ERR_TEMP, errno, "%s", dir);
	while (left.n > 0) {
		long slash = span_find(left, '/', 0);
		struct span part =
		    span_head(left, slash < 0 ? left.n : (size_t)slash);
		char name[256];
		int next;

		left = span_skip(left, part.n + (slash >= 0));
		if (part.n == 0)
			continue;
		if (span_copy(part, name, sizeof(name)) != 0) {
			(void)close(at);
			return err_set(e, ERR_PERM, 0, "%s: name too long",
				       dir);
		}
		if (mkdirat(at, name, 0700) != 0 && errno != EEXIST) {
			(void)err_set(e, ERR_TEMP, errno, "%s", dir);
			(void)close(at);
			return -1;
		}
		next = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (next < 0)
			(void)err_set(e, ERR_TEMP, errno, "%s", dir);
		(void)close(at);
		if (next < 0)
			return -1;
		at = next;
	}
	return at;
}

int
contacts_save(const struct contacts *c, const char *dir, struct err *e)
{
	struct buf b;
	int fd = open_dirs(dir, e), rc = 0;

	if (fd < 0)
		return -1;
	buf_init(&b, CONTACTS_FILE_MAX);
	for (size_t i = 0; i < c->n && rc == 0; i++)
		rc = buf_addf(&b, "%s %s%s%s\n", c->v[i].name, c->v[i].address,
			      c->v[i].full[0] == '\0' ? "" : " ", c->v[i].full);
	if (rc != 0)
		(void)err_set(e, ERR_LIMIT, 0, "the contacts file is full");
	else
		rc = durable_replace(fd, "contacts", buf_span(&b), 0600, e);
	buf_free(&b);
	(void)close(fd);
	return rc;
}

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

int
contacts_resolve(const struct contacts *c, struct span text, struct buf *out,
		 struct err *e)
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
		else if (span_find(part, '@', 0) >= 0 ||
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
