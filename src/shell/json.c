#include "shell/json.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/visible.h"
#include "shell/width.h"

struct json_row {
	json_t *object;
};

struct json_row *
json_row_new(const char *type)
{
	struct json_row *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->object = json_object();
	json_row_text(r, "type", type);
	return r;
}

void
json_row_text(struct json_row *r, const char *key, const char *value)
{
	struct span text = span_of(value);
	struct buf clean;

	if (r == NULL)
		return;
	/* jansson refuses a string that is not UTF-8. */
	buf_init(&clean, text.n * 3 + 16);
	if (!width_is_utf8(text) && width_clean(text, WIDTH_LINES, &clean) == 0)
		text = buf_span(&clean);
	(void)json_object_set_new(
	    r->object, key, json_stringn(text.n == 0 ? "" : text.p, text.n));
	buf_free(&clean);
}

void
json_row_number(struct json_row *r, const char *key, int64_t value)
{
	if (r != NULL)
		(void)json_object_set_new(r->object, key, json_integer(value));
}

void
json_row_bool(struct json_row *r, const char *key, bool value)
{
	if (r != NULL)
		(void)json_object_set_new(r->object, key, json_boolean(value));
}

int
json_row_print(struct json_row **r, FILE *out)
{
	char *text;
	int rc;

	if (*r == NULL)
		return -1;
	/* The same values, fit for a terminal. */
	text = json_dumps((*r)->object, JSON_COMPACT);
	rc = text == NULL ? -1 : visible_json(out, span_of(text));
	free(text);
	(void)fputc('\n', out);
	json_decref((*r)->object);
	free(*r);
	*r = NULL;
	return rc;
}

void
json_failure(FILE *out, const char *file, int line, const char *verb,
	     const struct failure *f)
{
	struct json_row *r = json_row_new("error");

	if (file != NULL) {
		json_row_text(r, "file", file);
		json_row_number(r, "line", line);
	}
	if (verb != NULL)
		json_row_text(r, "command", verb);
	json_row_number(r, "status", (int)f->status);
	json_row_text(r, "error", f->symbol);
	if (f->code != 0)
		json_row_number(r, "code", f->code);
	if (f->enhanced[0] != '\0')
		json_row_text(r, "enhanced", f->enhanced);
	json_row_text(r, "text", f->text);
	if (f->hint[0] != '\0')
		json_row_text(r, "hint", f->hint);
	(void)json_row_print(&r, out);
}
