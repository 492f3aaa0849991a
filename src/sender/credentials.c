#include "sender/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/durable.h"
#include "base/secret.h"

struct entry {
	char *name;
	struct credential c;
};

struct credentials {
	struct entry *v;
	size_t n;
};

void
credential_clear(struct credential *c)
{
	explicit_bzero(c, sizeof(*c));
}

void
credentials_free(struct credentials **out)
{
	struct credentials *c = *out;

	if (c == NULL)
		return;
	for (size_t i = 0; i < c->n; i++) {
		free(c->v[i].name);
		credential_clear(&c->v[i].c);
	}
	free(c->v);
	free(c);
	*out = NULL;
}

static int
read_password(const char *path, struct credential *c, struct err *e)
{
	char *text = NULL;
	size_t n = 0;

	if (secret_check(path, e) != 0)
		return -1;
	if (durable_read_file(AT_FDCWD, path, CREDENTIAL_SIZE + 1, &text, &n,
			      e) != 0)
		return err_prefix(e, "%s", path);
	struct span line = span_make(text, n);
	long end = span_find(line, '\n', 0);
	if (end >= 0)
		line = span_head(line, (size_t)end);
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	int rc = line.n == 0
		     ? err_set(e, ERR_PERM, 0, "%s: no password in it", path)
		     : span_copy(line, c->password, sizeof(c->password));
	if (rc != 0 && line.n > 0)
		(void)err_set(e, ERR_PERM, 0,
			      "%s: the password is longer than %d bytes or "
			      "holds a NUL",
			      path, CREDENTIAL_SIZE - 1);
	explicit_bzero(text, n);
	free(text);
	return rc;
}

static int
read_entry(struct entry *i, const struct option_pair *p, struct err *e)
{
	struct span text = span_of(p->value);
	struct span login = span_word(&text), file = span_trim(text);
	char path[CREDENTIAL_SIZE];

	if (strpbrk(p->name, " \t") != NULL)
		return err_set(e, ERR_PERM, 0, "a name is one word");
	if (login.n == 0 || file.n == 0)
		return err_set(e, ERR_PERM, 0,
			       "expected a login and the file of its password");
	if (span_copy(login, i->c.login, sizeof(i->c.login)) != 0 ||
	    span_copy(file, path, sizeof(path)) != 0)
		return err_set(e, ERR_PERM, 0, "too long");
	if (read_password(path, &i->c, e) != 0)
		return -1;
	i->name = strdup(p->name);
	return i->name != NULL ? 0
			       : err_set(e, ERR_TEMP, ENOMEM, "credentials");
}

int
credentials_new(struct credentials **out, const char *path,
		const struct option_map *map, struct err *e)
{
	struct credentials *c = calloc(1, sizeof(*c));

	if (c == NULL || (c->v = calloc(map->n + 1, sizeof(*c->v))) == NULL) {
		free(c);
		return err_set(e, ERR_TEMP, ENOMEM, "credentials");
	}
	for (size_t i = 0; i < map->n; i++) {
		c->n++;
		if (read_entry(&c->v[i], &map->v[i], e) == 0)
			continue;
		(void)err_prefix(e, "%s:%d: %s", path, map->v[i].line,
				 map->v[i].name);
		credentials_free(&c);
		return -1;
	}
	*out = c;
	return 0;
}

const struct credential *
credentials_find(const struct credentials *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++) {
		if (strcmp(c->v[i].name, name) == 0)
			return &c->v[i].c;
	}
	return NULL;
}
