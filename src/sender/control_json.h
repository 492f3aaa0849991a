#ifndef PP_SENDER_CONTROL_JSON_H
#define PP_SENDER_CONTROL_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * One JSON object a line, into a bounded buffer.  Text may be anything: what is
 * not UTF-8 becomes U+FFFD.  An object that does not fit leaves nothing.
 *
 *   control_json_begin(&j, &out);
 *   control_json_text(&j, "id", m->id);
 *   rc = control_json_end(&j);
 */
struct control_json {
	struct buf *out;
	size_t start;
	bool failed;
};

void control_json_begin(struct control_json *j, struct buf *out);
void control_json_text(struct control_json *j, const char *key,
		       const char *value);
void control_json_number(struct control_json *j, const char *key,
			 int64_t value);
void control_json_bool(struct control_json *j, const char *key, bool value);
/* control_json_end - 0, or -1: no room. */
int control_json_end(struct control_json *j);

#endif
