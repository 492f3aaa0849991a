#include "../test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/sasl_client.h"
#include "base/durable.h"
#include "base/log.h"

/* Our client and our server talk to each other; then the client alone meets a
 * server that is not what it should be. */

static char path[] = "/tmp/test_sasl_client.XXXXXX";
static struct users *users;
static struct sasl *sasl;

static const struct sasl_login user = { .login = "user@a.b",
					.password = "pencil" };

static struct sasl_client_channel
offer(const char *mechanisms)
{
	return (struct sasl_client_channel){ .offered = span_of(mechanisms),
					     .is_safe = true };
}

/* A whole exchange; what the server says at the end.  With `initial` the first
 * response goes along with the command. */
static enum sasl_result
talk(const struct sasl_login *l, const struct sasl_client_channel *cc,
     const struct sasl_channel *sc, bool initial, struct sasl_answer *a)
{
	struct sasl_exchange *x = NULL;
	struct sasl_client *c;
	struct buf out;
	struct err e = { 0 };

	buf_init(&out, SASL_LINE_MAX);
	if (sasl_client_new(&c, l, cc, &e) != 0)
		fail_msg("%s", e.msg);
	initial = initial && sasl_client_speaks_first(c);
	if (initial)
		assert_int_equal(
		    sasl_client_step(c, span_make(NULL, 0), &out, &e), 0);
	enum sasl_result got =
	    sasl_start(sasl, sc, span_of(sasl_client_mechanism(c)),
		       initial ? buf_span(&out) : span_make(NULL, 0), &x, a);
	while (got == SASL_CONTINUE) {
		buf_clear(&out);
		if (sasl_client_step(c, buf_span(&a->challenge), &out, &e) != 0)
			fail_msg("%s", e.msg);
		got = sasl_step(&x, buf_span(&out), a);
	}
	if (got == SASL_OK)
		assert_int_equal(sasl_client_end(c, &e), 0);
	assert_null(x);
	sasl_client_free(&c);
	buf_free(&out);
	return got;
}

static void
expect(const struct sasl_login *l, const struct sasl_client_channel *cc,
       const struct sasl_channel *sc, enum sasl_result want)
{
	for (int initial = 0; initial < 2; initial++) {
		struct sasl_answer a;
		sasl_answer_init(&a);
		assert_int_equal(talk(l, cc, sc, initial != 0, &a), want);
		if (want == SASL_OK)
			assert_string_equal(a.user.address, l->login);
		sasl_answer_clear(&a);
	}
}

static struct sasl_channel
channel(void)
{
	return (struct sasl_channel){ .peer = "192.0.2.1",
				      .clear_text_allowed = true };
}

static void
each_mechanism_logs_in(void **state)
{
	static const char *const names[] = { "PLAIN", "LOGIN", "SCRAM-SHA-1",
					     "SCRAM-SHA-256" };
	struct sasl_channel sc = channel();

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct sasl_client_channel cc = offer(names[i]);
		struct sasl_login wrong = user, nobody = user, off = user;
		struct sasl_login utf8 = { .login = "gr\xc3\xbc\xc3\x9f@a.b",
					   .password = "p\xc3\xa4ss=,w" };
		expect(&user, &cc, &sc, SASL_OK);
		expect(&utf8, &cc, &sc, SASL_OK);
		wrong.password = "pen";
		expect(&wrong, &cc, &sc, SASL_REFUSED);
		nobody.login = "nobody@a.b";
		expect(&nobody, &cc, &sc, SASL_REFUSED);
		off.login = "off@a.b";
		expect(&off, &cc, &sc, SASL_REFUSED);
	}
}

static void
a_binding_is_checked(void **state)
{
	static const char *const names[] = { "SCRAM-SHA-1-PLUS",
					     "SCRAM-SHA-256-PLUS" };
	struct sasl_channel sc = channel();

	(void)state;
	sc.has_binding = true;
	memset(sc.binding, 7, sizeof(sc.binding));
	for (size_t i = 0; i < 2; i++) {
		struct sasl_client_channel cc = offer(names[i]);
		cc.has_binding = true;
		memset(cc.binding, 7, sizeof(cc.binding));
		expect(&user, &cc, &sc, SASL_OK);
		cc.binding[31] = 8; /* another connection's */
		expect(&user, &cc, &sc, SASL_REFUSED);
	}
}

static void
expect_choice(const struct sasl_login *l, const struct sasl_client_channel *cc,
	      const char *want)
{
	struct sasl_client *c;
	struct err e = { 0 };

	int rc = sasl_client_new(&c, l, cc, &e);
	assert_string_equal(rc == 0 ? sasl_client_mechanism(c) : e.msg, want);
	if (rc != 0)
		assert_int_equal(e.class, ERR_PERM);
	sasl_client_free(&c);
}

static void
the_strongest_is_chosen(void **state)
{
	struct sasl_client_channel cc =
	    offer("LOGIN PLAIN scram-sha-1 SCRAM-SHA-256 SCRAM-SHA-256-PLUS "
		  "EXTERNAL X");
	struct sasl_login l = user;

	(void)state;
	expect_choice(&l, &cc, "SCRAM-SHA-256");
	cc.has_binding = true;
	expect_choice(&l, &cc, "SCRAM-SHA-256-PLUS");
	l.certificate = true;
	expect_choice(&l, &cc, "EXTERNAL");
	l.mechanism = "plain";
	expect_choice(&l, &cc, "PLAIN");
	l.mechanism = "SCRAM-SHA-1-PLUS";
	expect_choice(&l, &cc, "the server does not offer SCRAM-SHA-1-PLUS");
	l = user;
	cc = offer("X Y");
	expect_choice(&l, &cc,
		      "the server offers no way to log in that we know");
	l.mechanism = "EXTERNAL";
	cc = offer("EXTERNAL");
	expect_choice(&l, &cc, "EXTERNAL cannot be used here");
}

static void
a_password_is_not_shown_without_encryption(void **state)
{
	static const char hidden[] =
	    "the server takes the password in clear text only, and the "
	    "connection is not encrypted";
	struct sasl_client_channel cc = offer("PLAIN LOGIN");
	struct sasl_login l = user;

	(void)state;
	cc.is_safe = false;
	expect_choice(&l, &cc, hidden);
	l.mechanism = "PLAIN";
	expect_choice(&l, &cc, hidden);
	l.clear_text = true;
	expect_choice(&l, &cc, "PLAIN");
	l = user;
	cc = offer("PLAIN LOGIN SCRAM-SHA-1");
	cc.is_safe = false;
	expect_choice(&l, &cc, "SCRAM-SHA-1");
}

static const unsigned char digest[SASL_DIGEST_SIZE] = { 1, 2, 3 };

static void
a_certificate_logs_in(void **state)
{
	struct sasl_channel sc = channel();
	struct sasl_client_channel cc = offer("EXTERNAL");
	struct sasl_login l = { .login = "user@a.b", .certificate = true };
	struct sasl_login other = { .login = "gr\xc3\xbc\xc3\x9f@a.b",
				    .certificate = true };

	(void)state;
	sc.certificate_name = "User@a.b";
	expect(&l, &cc, &sc, SASL_OK);
	expect(&other, &cc, &sc, SASL_REFUSED);
	sc.certificate_name = NULL;
	sc.certificate_digest = digest; /* it stands at user@a.b */
	expect(&l, &cc, &sc, SASL_OK);
	sc.certificate_name = "off@a.b";
	sc.certificate_digest = NULL;
	expect(&l, &cc, &sc, SASL_UNKNOWN); /* not even offered */
	sc.certificate_name = "alias@a.b";
	expect(&l, &cc, &sc, SASL_UNKNOWN);
}

/* ---- a hostile server -----------------------------------------------------
 */

/* The reason for which the client gives up at the last of some challenges, or
 * "" when it does not. */
static const char *
meet(const char *mechanism, const char *const *challenges, struct err *e)
{
	struct sasl_client_channel cc = offer(mechanism);
	struct sasl_client *c;
	struct buf out;
	int rc = 0;

	memset(e, 0, sizeof(*e));
	buf_init(&out, SASL_LINE_MAX);
	assert_int_equal(sasl_client_new(&c, &user, &cc, e), 0);
	for (size_t i = 0; rc == 0 && challenges[i] != NULL; i++)
		rc = sasl_client_step(c, span_of(challenges[i]), &out, e);
	if (rc == 0)
		rc = sasl_client_end(c, e);
	sasl_client_free(&c);
	buf_free(&out);
	return rc == 0 ? "" : e->msg;
}

static void
expect_reason(const char *mechanism, const char *const *challenges,
	      const char *want)
{
	struct err e;

	assert_string_equal(meet(mechanism, challenges, &e), want);
	assert_int_equal(e.class, ERR_PROTO);
}

#define SAY(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void
a_server_must_prove_itself(void **state)
{
	static const char unproved[] = "the server lets us in without proving "
				       "that it knows the password";

	(void)state;
	expect_reason("SCRAM-SHA-256", SAY(""), unproved);
	expect_reason("PLAIN", SAY("", ""),
		      "the server asks for more than PLAIN has");
	expect_reason("LOGIN", SAY("", "", ""),
		      "the server asks for more than LOGIN has");
	expect_reason("LOGIN", SAY(""),
		      "the server lets us in without having asked for "
		      "everything");
}

static void
a_server_cannot_keep_us_busy(void **state)
{
	static const char rounds_0[] = "the server wants 1 rounds of SCRAM, "
				       "which is not 4096 to 1000000";
	static const char rounds_9[] = "the server wants 4294967296 rounds of "
				       "SCRAM, which is not 4096 to 1000000";
	static const char malformed[] =
	    "malformed SCRAM message from the server";
	static char big[4 * SASL_CLIENT_CHALLENGE_MAX];

	(void)state;
	/* r=x,s=QUFB,i=1 */
	expect_reason("SCRAM-SHA-1", SAY("", "cj14LHM9UVVGQixpPTE="), rounds_0);
	/* r=x,s=QUFB,i=4294967296 */
	expect_reason("SCRAM-SHA-1",
		      SAY("", "cj14LHM9UVVGQixpPTQyOTQ5NjcyOTY="), rounds_9);
	/* m=x,r=x,s=QUFB,i=4096 */
	expect_reason("SCRAM-SHA-1", SAY("", "bT14LHI9eCxzPVFVRkIsaT00MDk2"),
		      malformed);
	expect_reason("SCRAM-SHA-1", SAY("", ""), malformed);
	expect_reason("SCRAM-SHA-1", SAY("", "!!"),
		      "a challenge that is not base64, or too long");
	memset(big, 'A', sizeof(big) - 1);
	expect_reason("SCRAM-SHA-1", SAY("", big),
		      "a challenge that is not base64, or too long");
	/* r=x,s=QUFB,i=4096: not our nonce */
	expect_reason("SCRAM-SHA-1", SAY("", "cj14LHM9UVVGQixpPTQwOTY="),
		      "SCRAM-SHA-1: Error authenticating user");
}

static void
a_proof_of_somebody_else_is_refused(void **state)
{
	struct sasl_client_channel cc = offer("SCRAM-SHA-256");
	struct sasl_channel sc = channel();
	struct sasl_exchange *x;
	struct sasl_client *c;
	struct sasl_answer a;
	struct buf out;
	struct err e;

	(void)state;
	for (int i = 0; i < 2; i++) {
		buf_init(&out, SASL_LINE_MAX);
		sasl_answer_init(&a);
		assert_int_equal(sasl_client_new(&c, &user, &cc, &e), 0);
		assert_int_equal(sasl_client_step(c, span_of(""), &out, &e), 0);
		assert_int_equal(sasl_start(sasl, &sc, span_of("SCRAM-SHA-256"),
					    buf_span(&out), &x, &a),
				 SASL_CONTINUE);
		buf_clear(&out);
		assert_int_equal(
		    sasl_client_step(c, buf_span(&a.challenge), &out, &e), 0);
		/* v= of 32 zero bytes; and an error that the server names */
		assert_int_equal(
		    sasl_client_step(
			c,
			span_of(i == 0 ? "dj1BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB"
					 "QUFBQUFBQUFBQUFBQUFBQUFBPQ=="
				       : "ZT1vdGhlci1lcnJvcg=="),
			&out, &e),
		    -1);
		assert_string_equal(e.msg, i == 0
					       ? "the server does not know the "
						 "password: it is not what it "
						 "seems to be"
					       : "the server ends SCRAM: "
						 "other-error");
		assert_int_equal(e.class, ERR_PROTO);
		sasl_client_free(&c);
		sasl_cancel(&x);
		sasl_answer_clear(&a);
		buf_free(&out);
	}
}

static void
a_password_that_cannot_be_prepared_is_ours_to_tell(void **state)
{
	struct sasl_client_channel cc = offer("SCRAM-SHA-256");
	struct sasl_login l = { .login = "a\x07@a.b", .password = "x" };
	struct sasl_client *c;
	struct buf out;
	struct err e;

	(void)state;
	buf_init(&out, SASL_LINE_MAX);
	assert_int_equal(sasl_client_new(&c, &l, &cc, &e), 0);
	assert_int_equal(sasl_client_step(c, span_of(""), &out, &e), -1);
	assert_int_equal(e.class, ERR_PERM);
	sasl_client_free(&c);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_mechanism_logs_in),
		cmocka_unit_test(a_binding_is_checked),
		cmocka_unit_test(the_strongest_is_chosen),
		cmocka_unit_test(a_password_is_not_shown_without_encryption),
		cmocka_unit_test(a_certificate_logs_in),
		cmocka_unit_test(a_server_must_prove_itself),
		cmocka_unit_test(a_server_cannot_keep_us_busy),
		cmocka_unit_test(a_proof_of_somebody_else_is_refused),
		cmocka_unit_test(
		    a_password_that_cannot_be_prepared_is_ours_to_tell),
	};
	/* RFC 5802 5 and RFC 7677 3 */
	static const char text[] =
	    "user@a.b {SCRAM-SHA-1}4096,QSXCR+Q6sek8bf92,"
	    "6dlGYMOdZcOPutkcNY8U2g7vK9Y=,D+CSWLOshSulAsxiupA+qs2/fTE= "
	    "{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==,"
	    "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,"
	    "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU= alias=alias@a.b "
	    "certificate="
	    "0102030000000000000000000000000000000000000000000000000000000000\n"
	    "gr\xc3\xbc\xc3\x9f@a.b {PLAIN}p\xc3\xa4ss=,w\n"
	    "off@a.b {PLAIN}pencil disabled=yes\n";
	struct err e;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	int fd = mkstemp(path);
	if (fd < 0 || durable_write(fd, text, sizeof(text) - 1, &e) != 0 ||
	    close(fd) != 0 || log_open("/dev/null", LOG_ERROR, &e) != 0 ||
	    users_open(&users, path, &e) != 0 ||
	    sasl_new(&sasl,
		     &(struct sasl_options){ .users = users,
					     .channel_binding = true },
		     &e) != 0)
		return 1;
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	sasl_free(&sasl);
	users_free(&users);
	(void)unlink(path);
	return rc;
}
