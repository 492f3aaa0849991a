#include <errno.h>
#include <string.h>

#include "queue/scheduler_admin.h"
#include "sender/control_private.h"
#include "sender/route.h"

/* ---- trail --------------------------------------------------------------
 */

static void
on_line(void *ctx, int64_t wall_ms, char direction, struct span text)
{
	struct control_session *s = ctx;
	char copy[TRAIL_LINE_MAX + 1], way[2] = { direction, '\0' };
	struct control_json j;

	(void)span_copy(span_head(text, TRAIL_LINE_MAX), copy, sizeof(copy));
	control_json_begin(&j, &s->out);
	control_json_text(&j, "type", "line");
	control_json_text(&j, "id", s->r.ids[0]);
	control_json_number(&j, "at_ms", wall_ms);
	control_json_text(&j, "direction", way);
	control_json_text(&j, "text", copy);
	s->cut = control_json_end(&j) != 0 || s->cut;
	s->count++;
}

int
control_trail_answer(struct control_session *s, struct err *e)
{
	unsigned damaged = 0;

	if (s->o.trail == NULL)
		return err_set(e, ERR_TEMP, 0,
			       "no trails are kept: [queue] "
			       "trails");
	if (trail_read(s->o.trail, s->r.ids[0], on_line, s, &damaged, e) != 0)
		return -1;
	if (s->count == 0)
		s->failed = 1;
	if (damaged > 0) {
		struct control_json j;
		control_json_begin(&j, &s->out);
		control_json_text(&j, "type", "damaged");
		control_json_number(&j, "lines", damaged);
		(void)control_json_end(&j);
	}
	return 0;
}

/* ---- why ----------------------------------------------------------------
 */

static void
put_verified(struct control_session *s, struct control_json *j,
	     const struct way *way, const char *canonical)
{
	static const char *const names[] = { "yes", "no", "later",
					     "unreachable" };
	enum verify_answer answer;
	struct smtp_reply r;
	char text[REPLY_TEXT_SIZE];
	int64_t left_ms;

	if (!route_may_ask(&way->route)) {
		control_json_text(j, "verified", "not-asked");
		return;
	}
	if (s->o.verify == NULL) {
		control_json_text(j, "verified", "off");
		return;
	}
	if (!verify_known(s->o.verify, way->key, canonical, &answer, &r,
			  &left_ms)) {
		control_json_text(j, "verified", "unknown");
		return;
	}
	reply_one_line(&r, text, sizeof(text));
	control_json_text(j, "verified", names[answer]);
	control_json_text(j, "reply", text);
	control_json_number(j, "remembered", left_ms / 1000);
}

static void
put_destination(struct control_session *s, struct control_json *j,
		const char *key)
{
	struct scheduler_destination d;

	(void)scheduler_destination_get(s->o.scheduler, key, &d);
	control_json_number(j, "waiting", d.waiting);
	control_json_number(j, "delivering", d.active);
	control_json_number(j, "failures", d.failures);
	if (d.failures > 0) {
		control_json_text(j, "why", d.why);
		control_json_number(j, "next_try", d.again_in_ms / 1000);
	}
}

int
control_why_answer(struct control_session *s, struct err *e)
{
	char canonical[ADDRESS_SIZE];
	struct span local, domain;
	struct control_json j;
	struct address a;
	struct way way;

	if (address_parse_mailbox(span_of(s->r.address), ADDRESS_ALLOW_UTF8, &a,
				  e) != 0)
		return err_prefix(e, "%s", s->r.address);
	if (address_canonical(&a, canonical) != 0)
		return err_set(e, ERR_PERM, 0, "%s: too long", s->r.address);
	address_split(canonical, &local, &domain);
	bool routed = routes_find(s->o.routes, "", domain.p, &way);
	control_json_begin(&j, &s->out);
	control_json_text(&j, "type", "why");
	control_json_text(&j, "address", canonical);
	control_json_bool(&j, "routed", routed);
	if (routed) {
		control_json_text(&j, "route", way.key);
		put_verified(s, &j, &way, canonical);
		put_destination(s, &j, way.key);
	}
	if (control_json_end(&j) != 0)
		return err_set(e, ERR_TEMP, ENOMEM, "answer");
	if (routed)
		control_tls_why(s, &way.route);
	return control_queue_list(s, s->r.address, e);
}
