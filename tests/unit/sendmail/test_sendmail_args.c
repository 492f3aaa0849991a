#include "../test.h"

#include <string.h>

#include "sendmail/sendmail.h"

enum { WORDS_MAX = 24 };

/* The words of `line` as a command line; NULL-ended, in *words. */
static struct sendmail_args
parse(const char *line)
{
	static char text[512], *argv[WORDS_MAX];
	struct sendmail_args a;
	int argc = 0;

	assert_int_equal(span_copy(span_of(line), text, sizeof(text)), 0);
	for (char *c = text; *c != '\0' && argc < WORDS_MAX - 1;) {
		argv[argc++] = c;
		c += strcspn(c, " ");
		if (*c == ' ')
			*c++ = '\0';
	}
	argv[argc] = NULL;
	sendmail_args_parse(&a, argc, argv);
	return a;
}

static void
what_programs_say_is_understood(void **state)
{
	static const char *const lines[] = {
		/* cron, cronie, PHP, mutt, s-nail, git, mailx, Exim's */
		"sendmail -i -FCronDaemon -B8BITMIME -oem root",
		"sendmail -FCronDaemon -i -odi -oem -oi -t -f root",
		"sendmail -t -i",
		"/usr/lib/sendmail -oem -oi -f a@b.example -N never -R hdrs -- "
		"x",
		"sendmail -i -r a@b.example -- x",
		"sendmail -Ac -G -m -U -n -c -s -x -bm -h 5 -V abc x",
		"sendmail -em -t",
		"sendmail -ep x",
		"sendmail -ee x",
		"sendmail -eq x",
		"sendmail -e m x",
		"sendmail -ti -ee",
		"sendmail -tvi",
		"sendmail -tif a@b.example",
		"sendmail -oi -oQ/var/spool -oA/etc/aliases -o7 -om -oo x",
		"sendmail -O IgnoreDots=True -ODeliveryMode=b -d0.1 -X /tmp/x "
		"x",
		"sendmail -A c x",
		"sendmail -L tag -p ESMTP:host -BBODY=8BITMIME x",
		"sendmail -q x",
		"sendmail -q15m -t",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct sendmail_args a = parse(lines[i]);
		if (a.mode != SENDMAIL_SEND)
			fail_msg("%s", lines[i]);
		if (a.n_to + a.from_header != 1)
			fail_msg("%s: %d recipients", lines[i], a.n_to);
	}
}

static void
letters_stand_together_and_values_behind(void **state)
{
	struct sendmail_args a = parse("sendmail -tivf a@b.example -Fx y");

	(void)state;
	assert_true(a.from_header && a.dots && a.verbose);
	assert_string_equal(a.from, "a@b.example");
	assert_string_equal(a.full_name, "x");
	assert_int_equal(a.n_to, 1);
	assert_true(parse("sendmail -oi x").dots);
	assert_true(parse("sendmail -o i x").dots);
	assert_false(parse("sendmail -oem x").dots);
	assert_true(parse("sendmail -O IgnoreDots x").dots);
	assert_false(parse("sendmail -O IgnoreDots=False x").dots);
	assert_false(parse("sendmail -ODeliveryMode=i x").dots);
}

static void
the_queue_runs_and_is_listed(void **state)
{
	static const struct {
		const char *line;
		enum sendmail_mode mode;
	} cases[] = {
		{ "sendmail -q", SENDMAIL_IDLE },
		{ "sendmail -q15m", SENDMAIL_IDLE },
		{ "sendmail -qRexample.org", SENDMAIL_IDLE },
		{ "sendmail -v -q", SENDMAIL_IDLE },
		{ "sendmail -bi", SENDMAIL_IDLE },
		{ "sendmail -I", SENDMAIL_IDLE },
		{ "/usr/bin/newaliases", SENDMAIL_IDLE },
		{ "newaliases", SENDMAIL_IDLE },
		{ "sendmail -bp", SENDMAIL_QUEUE },
		{ "sendmail -b p", SENDMAIL_QUEUE },
		{ "/usr/bin/mailq", SENDMAIL_QUEUE },
		{ "mailq -v", SENDMAIL_QUEUE },
		{ "notmailq x", SENDMAIL_SEND },
		{ "sendmail -bs", SENDMAIL_SMTP },
		{ "sendmail -bv x", SENDMAIL_VERIFY },
		/* no daemon, no test mode, and no message by its id */
		{ "sendmail -bd -q15m", SENDMAIL_WRONG },
		{ "sendmail -bt", SENDMAIL_WRONG },
		{ "sendmail -M 1abc", SENDMAIL_WRONG },
		{ "sendmail -e", SENDMAIL_WRONG },
		{ "sendmail -tiZ", SENDMAIL_WRONG },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (parse(cases[i].line).mode != cases[i].mode)
			fail_msg("%s", cases[i].line);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_programs_say_is_understood),
		cmocka_unit_test(letters_stand_together_and_values_behind),
		cmocka_unit_test(the_queue_runs_and_is_listed),
	};

	return cmocka_run_group_tests_name("sendmail/args", tests, NULL, NULL);
}
