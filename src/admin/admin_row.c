#include "admin/admin_row.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/visible.h"

struct admin_row {
	json_t *object;
};

void
admin_row_free(struct admin_row **out)
{
	if (*out == NULL)
		return;
	json_decref((*out)->object);
	free(*out);
	*out = NULL;
}

/* Every text member, once, so that nobody forgets. */
static int
defuse_all(json_t *object)
{
	const char *key;
	json_t *value;
	void *next;

	json_object_foreach_safe(object, next, key, value)
	{
		if (!json_is_string(value))
			continue;
		char *copy = strdup(json_string_value(value));
		if (copy == NULL)
			return -1;
		visible_defuse(copy, strlen(copy));
		int rc = json_string_set(value, copy);
		free(copy);
		if (rc != 0)
			return -1;
	}
	return 0;
}

int
admin_row_parse(struct admin_row **out, struct span line, struct err *e)
{
	struct admin_row *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "answer");
	r->object = json_loadb(line.p, line.n, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(r->object)) {
		admin_row_free(&r);
		return err_set(e, ERR_PROTO, 0,
			       "the server's answer is not understood");
	}
	if (defuse_all(r->object) != 0) {
		admin_row_free(&r);
		return err_set(e, ERR_TEMP, ENOMEM, "answer");
	}
	*out = r;
	return 0;
}

const char *
admin_row_text(const struct admin_row *r, const char *key)
{
	const char *s = json_string_value(json_object_get(r->object, key));

	return s == NULL ? "" : s;
}

int64_t
admin_row_number(const struct admin_row *r, const char *key)
{
	return json_integer_value(json_object_get(r->object, key));
}

bool
admin_row_bool(const struct admin_row *r, const char *key)
{
	return json_is_true(json_object_get(r->object, key));
}

bool
admin_row_has(const struct admin_row *r, const char *key)
{
	return json_object_get(r->object, key) != NULL;
}
