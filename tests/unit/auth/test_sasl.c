#include "../test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/sasl.h"
#include "base/durable.h"
#include "base/log.h"

static char path[] = "/tmp/test_sasl.XXXXXX";
static struct users *users;
static struct sasl *sasl;

static struct sasl_channel channel = { .peer = "192.0.2.1",
				       .clear_text_allowed = true };

struct dialogue {
	struct sasl_exchange *x;
	struct sasl_answer a;
};

static enum sasl_result
start(struct dialogue *d, const char *mechanism, const char *initial)
{
	memset(d, 0, sizeof(*d));
	sasl_answer_init(&d->a);
	return sasl_start(sasl, &channel, span_of(mechanism), span_of(initial),
			  &d->x, &d->a);
}

static enum sasl_result
answer(struct dialogue *d, const char *line)
{
	return sasl_step(&d->x, span_of(line), &d->a);
}

static void
end(struct dialogue *d)
{
	sasl_cancel(&d->x);
	sasl_answer_clear(&d->a);
}

/* One AUTH command with an initial response. */
static void
expect(const char *mechanism, const char *initial, enum sasl_result want)
{
	struct dialogue d;

	assert_int_equal(start(&d, mechanism, initial), want);
	assert_null(d.x);
	end(&d);
}

static void
plain_with_initial_response(void **state)
{
	struct dialogue d;

	(void)state;
	/* \0alice@abc.com\0secret */
	assert_int_equal(start(&d, "plain", "AGFsaWNlQGFiYy5jb20Ac2VjcmV0"),
			 SASL_OK);
	assert_string_equal(d.a.user.address, "alice@abc.com");
	end(&d);
	/* \0alice@abc.com\0wrong */
	assert_int_equal(start(&d, "PLAIN", "AGFsaWNlQGFiYy5jb20Ad3Jvbmc="),
			 SASL_REFUSED);
	assert_string_equal(d.a.user.address, "alice@abc.com");
	end(&d);
}

static void
plain_without_initial_response(void **state)
{
	struct dialogue d;

	(void)state;
	assert_int_equal(start(&d, "PLAIN", NULL), SASL_CONTINUE);
	assert_int_equal(d.a.challenge.n, 0);
	assert_int_equal(answer(&d, "AGFsaWNlQGFiYy5jb20Ac2VjcmV0"), SASL_OK);
	assert_null(d.x);
	end(&d);
}

static void
plain_acts_for_oneself_only(void **state)
{
	(void)state;
	/* alice@abc.com\0alice@abc.com\0secret */
	expect("PLAIN",
	       "YWxpY2VAYWJjLmNvbQBhbGljZUBhYmMuY29tAHNlY3JldA==", SASL_OK);
	/* bob@xyz.com\0alice@abc.com\0secret */
	expect("PLAIN",
	       "Ym9iQHh5ei5jb20AYWxpY2VAYWJjLmNvbQBzZWNyZXQ=", SASL_REFUSED);
}

static void
login_asks_for_name_and_password(void **state)
{
	struct dialogue d;

	(void)state;
	assert_int_equal(start(&d, "LOGIN", NULL), SASL_CONTINUE);
	assert_span(buf_span(&d.a.challenge), "VXNlcm5hbWU6");
	assert_int_equal(answer(&d, "YWxpY2VAYWJjLmNvbQ=="), SASL_CONTINUE);
	assert_span(buf_span(&d.a.challenge), "UGFzc3dvcmQ6");
	assert_int_equal(answer(&d, "c2VjcmV0"), SASL_OK);
	assert_string_equal(d.a.user.address, "alice@abc.com");
	end(&d);

	assert_int_equal(start(&d, "LOGIN", NULL), SASL_CONTINUE);
	assert_int_equal(answer(&d, "YWxpY2VAYWJjLmNvbQ=="), SASL_CONTINUE);
	assert_int_equal(answer(&d, "d3Jvbmc="), SASL_REFUSED);
	end(&d);
}

static void
login_takes_the_name_with_the_command(void **state)
{
	struct dialogue d;

	(void)state;
	assert_int_equal(start(&d, "LOGIN", "YWxpY2VAYWJjLmNvbQ=="),
			 SASL_CONTINUE);
	assert_span(buf_span(&d.a.challenge), "UGFzc3dvcmQ6");
	assert_int_equal(answer(&d, "c2VjcmV0"), SASL_OK);
	end(&d);
}

static void
passwords_are_bytes(void **state)
{
	(void)state;
	/* \0utf@abc.com\0gr\xc3\xbc\xc3\x9f e */
	expect("PLAIN", "AHV0ZkBhYmMuY29tAGdyw7zDnyBl", SASL_OK);
	/* The same in Latin-1. */
	expect("PLAIN", "AHV0ZkBhYmMuY29tAGdy/N8gZQ==", SASL_REFUSED);
	/* U+2168 ROMAN NUMERAL NINE is itself, not "IX" */
	expect("PLAIN", "AG5pbmVAYWJjLmNvbQDihag=", SASL_OK);
	expect("PLAIN", "AG5pbmVAYWJjLmNvbQBJWA==", SASL_REFUSED);
}

static void
malformed_messages_are_told_apart(void **state)
{
	struct dialogue d;

	(void)state;
	expect("PLAIN", "!!!", SASL_MALFORMED);
	expect("PLAIN", "AGFsaWNl AHg=", SASL_MALFORMED);
	expect("PLAIN", "=", SASL_MALFORMED);
	expect("PLAIN", "", SASL_MALFORMED);
	expect("PLAIN", "YWxpY2U=", SASL_MALFORMED); /* no NUL at all */
	/* \0alice@abc.com\0sec\0ret */
	expect("PLAIN", "AGFsaWNlQGFiYy5jb20Ac2VjAHJldA==", SASL_MALFORMED);
	expect("CRAM-MD5", NULL, SASL_UNKNOWN);
	expect("", NULL, SASL_UNKNOWN);
	expect("ANONYMOUS", NULL, SASL_UNKNOWN);
	expect("EXTERNAL", "=", SASL_UNKNOWN);

	assert_int_equal(start(&d, "PLAIN", NULL), SASL_CONTINUE);
	assert_int_equal(answer(&d, ""), SASL_MALFORMED);
	end(&d);
	assert_int_equal(start(&d, "LOGIN", NULL), SASL_CONTINUE);
	/* alice\0x */
	assert_int_equal(answer(&d, "YWxpY2UAeA=="), SASL_MALFORMED);
	end(&d);
	expect("LOGIN", "=", SASL_MALFORMED);
}

static void
long_lines_are_refused(void **state)
{
	char *line = malloc(SASL_LINE_MAX + 5);

	(void)state;
	assert_non_null(line);
	memset(line, 'A', SASL_LINE_MAX + 4);
	line[SASL_LINE_MAX + 4] = '\0';
	expect("PLAIN", line, SASL_MALFORMED);
	line[SASL_LINE_MAX] = '\0';
	expect("PLAIN", line, SASL_MALFORMED);
	free(line);
}

/* What is offered to a client with a binding, under these options. */
static void
expect_offer(const struct sasl_options *o, bool has_binding, const char *want)
{
	struct sasl_channel c = channel;
	char list[SASL_MECHANISMS_SIZE];
	struct sasl *s;
	struct err e;

	c.has_binding = has_binding;
	assert_int_equal(sasl_new(&s, o, &e), 0);
	assert_string_equal(sasl_mechanisms(s, &c, list), want);
	sasl_free(&s);
}

/* A client's first message, "<gs2>,n=alice@abc.com,r=x", on that connection. */
static void
expect_first(const struct sasl_options *o, bool has_binding,
	     const char *mechanism, const char *initial, enum sasl_result want)
{
	struct sasl_channel c = channel;
	struct dialogue d = { 0 };
	struct sasl *s;
	struct err e;

	c.has_binding = has_binding;
	sasl_answer_init(&d.a);
	assert_int_equal(sasl_new(&s, o, &e), 0);
	assert_int_equal(
	    sasl_start(s, &c, span_of(mechanism), span_of(initial), &d.x, &d.a),
	    want);
	end(&d);
	sasl_free(&s);
}

/* Some clients choose -PLUS and cannot bind: none sees it unless the
 * administrator says so. */
static void
channel_binding_is_offered_where_configured(void **state)
{
	static const char *const named[] = { "SCRAM-SHA-256", "PLAIN",
					     "SCRAM-SHA-256-PLUS" };
	struct sasl_options o = { .users = users };

	(void)state;
	expect_offer(&o, true, "SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN");
	o.mechanisms = named;
	o.n_mechanisms = 3;
	expect_offer(&o, true, "SCRAM-SHA-256 PLAIN");
	o.channel_binding = true;
	expect_offer(&o, true, "SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN");
	expect_offer(&o, false, "SCRAM-SHA-256 PLAIN");
	o.n_mechanisms = 0;
	expect_offer(&o, true,
		     "SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS SCRAM-SHA-256 "
		     "SCRAM-SHA-1 PLAIN LOGIN");
}

/* RFC 5802 6: "y" is a lie where -PLUS was offered, and only there. */
static void
y_is_refused_where_plus_was_offered(void **state)
{
	static const char y[] = "eSwsbj1hbGljZUBhYmMuY29tLHI9eA==";
	static const char n[] = "biwsbj1hbGljZUBhYmMuY29tLHI9eA==";
	/* p=tls-exporter,, */
	static const char p[] =
	    "cD10bHMtZXhwb3J0ZXIsLG49YWxpY2VAYWJjLmNvbSxyPXg=";
	static const char *const without[] = { "SCRAM-SHA-256", "PLAIN" };
	static const char *const other[] = { "SCRAM-SHA-256",
					     "SCRAM-SHA-1-PLUS" };
	struct sasl_options o = { .users = users };

	(void)state;
	expect_first(&o, true, "SCRAM-SHA-256", y, SASL_CONTINUE);
	expect_first(&o, true, "SCRAM-SHA-256", n, SASL_CONTINUE);
	expect_first(&o, true, "SCRAM-SHA-256", p, SASL_REFUSED);
	expect_first(&o, true, "SCRAM-SHA-256-PLUS", p, SASL_UNKNOWN);
	o.channel_binding = true;
	expect_first(&o, true, "SCRAM-SHA-256", y, SASL_REFUSED);
	expect_first(&o, true, "SCRAM-SHA-256", n, SASL_CONTINUE);
	expect_first(&o, true, "SCRAM-SHA-256", p, SASL_REFUSED);
	expect_first(&o, true, "SCRAM-SHA-256-PLUS", p, SASL_CONTINUE);
	expect_first(&o, true, "SCRAM-SHA-256-PLUS", y, SASL_REFUSED);
	expect_first(&o, false, "SCRAM-SHA-256", y, SASL_CONTINUE);
	/* the list of mechanisms leaves them out, or has the other hash's */
	o.mechanisms = without;
	o.n_mechanisms = 2;
	expect_first(&o, true, "SCRAM-SHA-256", y, SASL_CONTINUE);
	o.mechanisms = other;
	expect_first(&o, true, "SCRAM-SHA-256", y, SASL_REFUSED);
}

static void
a_cancelled_exchange_leaves_nothing(void **state)
{
	struct dialogue d;

	(void)state;
	assert_int_equal(start(&d, "LOGIN", NULL), SASL_CONTINUE);
	end(&d);
	assert_null(d.x);
	sasl_cancel(&d.x);
}

static void *
log_in_often(void *arg)
{
	static const char failed[] = "failed";

	(void)arg;
	for (int i = 0; i < 50; i++) {
		struct dialogue d;
		enum sasl_result r =
		    start(&d, "PLAIN",
			  i % 2 ? "AGFsaWNlQGFiYy5jb20Ac2VjcmV0"
				: "AGFsaWNlQGFiYy5jb20Ad3Jvbmc=");
		end(&d);
		if (r != (i % 2 ? SASL_OK : SASL_REFUSED))
			return (void *)(uintptr_t)failed;
	}
	return NULL;
}

static void
sessions_share_one_context(void **state)
{
	pthread_t t[8];

	(void)state;
	for (int i = 0; i < 8; i++)
		assert_int_equal(
		    pthread_create(&t[i], NULL, log_in_often, NULL), 0);
	for (int i = 0; i < 8; i++) {
		void *failed;
		assert_int_equal(pthread_join(t[i], &failed), 0);
		assert_null(failed);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_with_initial_response),
		cmocka_unit_test(plain_without_initial_response),
		cmocka_unit_test(plain_acts_for_oneself_only),
		cmocka_unit_test(login_asks_for_name_and_password),
		cmocka_unit_test(login_takes_the_name_with_the_command),
		cmocka_unit_test(passwords_are_bytes),
		cmocka_unit_test(malformed_messages_are_told_apart),
		cmocka_unit_test(long_lines_are_refused),
		cmocka_unit_test(channel_binding_is_offered_where_configured),
		cmocka_unit_test(y_is_refused_where_plus_was_offered),
		cmocka_unit_test(a_cancelled_exchange_leaves_nothing),
		cmocka_unit_test(sessions_share_one_context),
	};
	static const char text[] = "alice@abc.com {PLAIN}secret\n"
				   "utf@abc.com {PLAIN}gr\xc3\xbc\xc3\x9f%20e\n"
				   "nine@abc.com {PLAIN}\xe2\x85\xa8\n";
	struct err e;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	int fd = mkstemp(path);
	if (fd < 0 || durable_write(fd, text, sizeof(text) - 1, &e) != 0 ||
	    close(fd) != 0 || log_open("/dev/null", LOG_ERROR, &e) != 0 ||
	    users_open(&users, path, &e) != 0 ||
	    sasl_new(&sasl, &(struct sasl_options){ .users = users }, &e) != 0)
		return 1;
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	sasl_free(&sasl);
	users_free(&users);
	(void)unlink(path);
	return rc;
}
