#include "../test.h"

#include <stdlib.h>
#include <string.h>

#include "queue/scheduler_admin.h"
#include "sender/control_private.h"

/* What the queue was asked to do.  The linker puts these in the place of the
 * scheduler's. */
static struct {
	unsigned acts, lists;
	enum scheduler_action action;
} asked;

int __wrap_scheduler_act(struct scheduler *s, enum scheduler_action a,
			 const struct scheduler_select *w,
			 const struct scheduler_viewer *v, struct err *e);
int __wrap_scheduler_list(struct scheduler *s, const struct scheduler_select *w,
			  const struct scheduler_viewer *v, struct err *e);

int
__wrap_scheduler_act(struct scheduler *s, enum scheduler_action a,
		     const struct scheduler_select *w,
		     const struct scheduler_viewer *v, struct err *e)
{
	(void)s;
	(void)w;
	(void)e;
	asked.acts++;
	asked.action = a;
	v->acted(v->ctx, "0", SCHEDULER_DID, NULL);
	return 0;
}

int
__wrap_scheduler_list(struct scheduler *s, const struct scheduler_select *w,
		      const struct scheduler_viewer *v, struct err *e)
{
	(void)s;
	(void)w;
	(void)v;
	(void)e;
	asked.lists++;
	return 0;
}

static int
answer(enum control_verb v, char *text, size_t size, struct err *e)
{
	struct control_session *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	memset(&asked, 0, sizeof(asked));
	memset(e, 0, sizeof(*e));
	buf_init(&s->out, CONTROL_PAGE_MAX);
	s->r.verb = v;
	int rc = control_queue_answer(s, e);
	assert_true(s->out.n < size);
	if (s->out.n > 0)
		memcpy(text, s->out.p, s->out.n);
	text[s->out.n] = '\0';
	buf_free(&s->out);
	free(s);
	return rc;
}

static void
each_verb_has_its_action(void **state)
{
	static const struct {
		enum control_verb verb;
		enum scheduler_action action;
		const char *result;
	} rows[] = {
		{ CONTROL_HOLD, SCHEDULER_HOLD, "\"held\"" },
		{ CONTROL_RELEASE, SCHEDULER_RELEASE, "\"released\"" },
		{ CONTROL_RETRY, SCHEDULER_RETRY, "\"due now\"" },
		{ CONTROL_REMOVE, SCHEDULER_REMOVE, "\"removed\"" },
		{ CONTROL_CANCEL, SCHEDULER_CANCEL, "\"cancelled\"" },
	};
	char text[400];
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(answer(rows[i].verb, text, sizeof(text), &e),
				 0);
		assert_int_equal(asked.acts, 1);
		assert_int_equal(asked.lists, 0);
		assert_int_equal(asked.action, rows[i].action);
		assert_non_null(strstr(text, rows[i].result));
	}
}

static void
looking_changes_nothing(void **state)
{
	static const enum control_verb verbs[] = { CONTROL_LIST, CONTROL_SHOW };
	char text[400];
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		assert_int_equal(answer(verbs[i], text, sizeof(text), &e), 0);
		assert_int_equal(asked.lists, 1);
		assert_int_equal(asked.acts, 0);
	}
}

static void
verb_of_another_table_changes_nothing(void **state)
{
	static const enum control_verb verbs[] = {
		CONTROL_TRAIL,
		CONTROL_WHY,
		CONTROL_TLS_LIST,
		CONTROL_TLS_FORGET,
		/* one that nobody has a line for yet */
		(enum control_verb)(CONTROL_TLS_FORGET + 1),
	};
	char text[400];
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		assert_int_equal(answer(verbs[i], text, sizeof(text), &e), -1);
		assert_int_equal(e.class, ERR_BUG);
		assert_string_not_equal(e.msg, "");
		assert_int_equal(asked.acts, 0);
		assert_int_equal(asked.lists, 0);
		assert_string_equal(text, "");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_verb_has_its_action),
		cmocka_unit_test(looking_changes_nothing),
		cmocka_unit_test(verb_of_another_table_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
