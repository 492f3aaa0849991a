#include "shell/vars.h"

#include <stdlib.h>
#include <string.h>

void
vars_free(struct vars *v)
{
	for (size_t i = 0; i < v->n; i++) {
		free(v->v[i].name);
		free(v->v[i].value);
	}
	free(v->v);
	*v = (struct vars){ 0 };
}

static struct vars_item *
find(const struct vars *v, struct span name)
{
	for (size_t i = 0; i < v->n; i++)
		if (span_eq(name, span_of(v->v[i].name)))
			return &v->v[i];
	return NULL;
}

const char *
vars_get(const struct vars *v, struct span name)
{
	const struct vars_item *i = find(v, name);

	return i == NULL ? NULL : i->value;
}

static int
add(struct vars *v, struct span name, char *value, struct err *e)
{
	struct vars_item *more;
	char *copy;

	if (v->n == VARS_MAX)
		return err_set(e, ERR_LIMIT, 0, "too many variables");
	more = realloc(v->v, (v->n + 1) * sizeof(*more));
	if (more == NULL)
		return err_set(e, ERR_TEMP, 0, "out of memory");
	v->v = more;
	copy = strndup(name.p, name.n);
	if (copy == NULL)
		return err_set(e, ERR_TEMP, 0, "out of memory");
	v->v[v->n++] = (struct vars_item){ copy, value };
	return 0;
}

int
vars_set(struct vars *v, struct span name, struct span value, struct err *e)
{
	struct vars_item *i = find(v, name);
	char *copy;

	if (value.n > VARS_VALUE_MAX)
		return err_set(e, ERR_LIMIT, 0, "the value is too long");
	copy = strndup(value.n == 0 ? "" : value.p, value.n);
	if (copy == NULL)
		return err_set(e, ERR_TEMP, 0, "out of memory");
	if (i != NULL) {
		free(i->value);
		i->value = copy;
		return 0;
	}
	if (add(v, name, copy, e) != 0) {
		free(copy);
		return -1;
	}
	return 0;
}
