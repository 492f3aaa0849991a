#include "../net/tls_play.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pop3/pop3_client.h"

struct tried {
	int rc;
	struct pop3_client *c;
	struct pop3_reply r;
	struct err e;
	struct tls_outcome tls;
	char told[4096];
};

static void
note(void *ctx, char direction, struct span line)
{
	struct tried *t = ctx;
	size_t n = strlen(t->told);

	(void)snprintf(t->told + n, sizeof(t->told) - n, "%c%.*s\n", direction,
		       SPAN_ARG(line));
}

static struct tried *
try_open(struct tls_play *p, enum pop3_client_tls tls,
	 struct tls_client *client, const struct tls_peer *peer)
{
	struct tried *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	const struct pop3_client_options o = {
		.host = "127.0.0.1",
		.port = p->port,
		.connect_timeout_ms = TLS_PLAY_WAIT_MS,
		.command_timeout_ms = TLS_PLAY_WAIT_MS,
		.data_timeout_ms = TLS_PLAY_WAIT_MS,
		.trace = note,
		.trace_ctx = t,
		.tls = tls,
		.tls_client = client,
		.tls_peer = peer,
		.tls_outcome = &t->tls,
	};
	t->rc = pop3_client_open(&t->c, &o, &t->r, &t->e);
	return t;
}

static void
tried_free(struct tried *t, struct tls_play *p)
{
	pop3_client_free(&t->c);
	tls_play_end(p);
	free(t);
}

static const char *const host_names[] = { "localhost" };
static const struct tls_peer localhost = { .check = TLS_CHECK_NAME,
					   .names = host_names,
					   .n_names = 1 };

#define CLEAR "S +OK ready", "C CAPA", "S +OK", "S TOP", "S UIDL", "S UTF8"
#define OFFER "S STLS", "S ."

static void
after_stls_only_what_is_said_in_tls_counts(void **state)
{
	static const char *const script[] = {
		CLEAR,    OFFER,   "C STLS", "S +OK begin", "T",
		"C CAPA", "S +OK", "S USER", "S UTF8",      "S .",
		"C UTF8", "S +OK", "C QUIT", "S +OK bye",   NULL
	};
	struct tls_play p;

	(void)state;
	tls_play_start(&p, script, tls_lab.good);
	struct tried *t =
	    try_open(&p, POP3_TLS_MUST, tls_lab.client, &localhost);
	assert_int_equal(t->rc, 0);
	assert_non_null(t->c);
	assert_int_equal(pop3_client_capabilities(t->c),
			 POP3_CAP_USER | POP3_CAP_UTF8);
	assert_int_equal(t->tls.step, TLS_STEP_ON);
	assert_true(t->tls.verified);
	assert_memory_equal(pop3_client_tls(t->c), &t->tls, sizeof(t->tls));
	assert_non_null(strstr(t->told, "<+OK begin\n=TLSv1.3 TLS_"));
	assert_int_equal(pop3_client_quit(&t->c, &t->r, &t->e), 0);
	tried_free(t, &p);
	assert_null(p.failed_at);
	/* UTF8 not before STLS (RFC 6856 2.1) */
	assert_string_equal(p.heard, "CAPA|STLS|CAPA|UTF8|QUIT|");
}

static void
implicit_tls_begins_with_the_handshake(void **state)
{
	static const char *const script[] = { "T",     "S +OK ready", "C CAPA",
					      "S +OK", "S TOP",       "S .",
					      NULL };
	struct tls_play p;

	(void)state;
	tls_play_start(&p, script, tls_lab.good);
	struct tried *t =
	    try_open(&p, POP3_TLS_IMPLICIT, tls_lab.client, &localhost);
	assert_int_equal(t->rc, 0);
	assert_non_null(t->c);
	assert_int_equal(t->tls.step, TLS_STEP_ON);
	tried_free(t, &p);
	assert_null(p.failed_at);
}

static void
without_an_offer_may_goes_on_and_must_does_not(void **state)
{
	static const char *const script[] = { "S +OK ready", "C CAPA", "S +OK",
					      "S TOP",       "S .",    NULL };
	struct tls_play p;

	(void)state;
	tls_play_start(&p, script, NULL);
	struct tried *t =
	    try_open(&p, POP3_TLS_MAY, tls_lab.client, &localhost);
	assert_int_equal(t->rc, 0);
	assert_non_null(t->c);
	assert_int_equal(pop3_client_capabilities(t->c), POP3_CAP_TOP);
	assert_int_equal(t->tls.step, TLS_STEP_NOT_OFFERED);
	tried_free(t, &p);

	tls_play_start(&p, script, NULL);
	t = try_open(&p, POP3_TLS_MUST, tls_lab.client, &localhost);
	assert_int_equal(t->rc, -1);
	assert_null(t->c);
	assert_int_equal(t->e.class, ERR_TEMP);
	assert_int_equal(t->tls.step, TLS_STEP_NOT_OFFERED);
	tried_free(t, &p);
	assert_null(p.failed_at);
	assert_string_equal(p.heard, "CAPA|");
}

static void
a_server_without_capa_is_asked_when_it_matters(void **state)
{
	static const char *const script[] = {
		"S +OK ready", "C CAPA", "S -ERR what?", "C STLS", "S +OK",
		"T",           "C CAPA", "S -ERR what?", NULL
	};
	struct tls_play p;

	(void)state;
	tls_play_start(&p, script, tls_lab.good);
	struct tried *t =
	    try_open(&p, POP3_TLS_MUST, tls_lab.client, &localhost);
	assert_int_equal(t->rc, 0);
	assert_int_equal(t->tls.step, TLS_STEP_ON);
	tried_free(t, &p);
	assert_null(p.failed_at);
}

static void
a_refusal_is_said(void **state)
{
	static const char *const script[] = { CLEAR,    OFFER,
					      "C STLS", "S -ERR not today",
					      "C UTF8", "S +OK",
					      NULL };
	struct tls_play p;

	(void)state;
	tls_play_start(&p, script, NULL);
	struct tried *t =
	    try_open(&p, POP3_TLS_MAY, tls_lab.client, &localhost);
	assert_int_equal(t->rc, 0);
	assert_int_equal(t->tls.step, TLS_STEP_REFUSED);
	tried_free(t, &p);
	assert_null(p.failed_at);

	tls_play_start(&p, script, NULL);
	t = try_open(&p, POP3_TLS_MUST, tls_lab.client, &localhost);
	assert_int_equal(t->rc, -1);
	assert_non_null(strstr(t->e.msg, "not today"));
	assert_int_equal(t->tls.step, TLS_STEP_REFUSED);
	tried_free(t, &p);
	assert_string_equal(p.heard, "CAPA|STLS|");
}

/* CVE-2011-0411 */
static void
replies_injected_before_the_handshake_end_it(void **state)
{
	static const char *const script[] = {
		CLEAR,    OFFER, "C STLS", "R +OK\r\n+OK\r\nSASL PLAIN\r\n",
		"C CAPA", NULL
	};
	struct tls_play p;

	(void)state;
	tls_play_start(&p, script, tls_lab.good);
	struct tried *t = try_open(&p, POP3_TLS_MAY, tls_lab.client, NULL);
	assert_int_equal(t->rc, -1);
	assert_int_equal(t->e.class, ERR_PROTO);
	assert_int_equal(t->tls.step, TLS_STEP_FAILED);
	tried_free(t, &p);
	assert_string_equal(p.heard, "CAPA|STLS|");
}

static void
a_certificate_that_is_not_right_is_told_from_no_connection(void **state)
{
	static const char *const script[] = { CLEAR, OFFER, "C STLS", "S +OK",
					      "T",   "C",   NULL };
	static const char *const names[] = { "other.example" };
	static const struct tls_peer other = { .check = TLS_CHECK_NAME,
					       .names = names,
					       .n_names = 1 };
	const struct {
		struct tls_server *server;
		struct tls_client *client;
		const struct tls_peer *peer;
		enum tls_fault fault;
	} wrong[] = {
		{ tls_lab.good, tls_lab.client, &other, TLS_FAULT_WRONG_NAME },
		{ tls_lab.expired, tls_lab.client, &localhost,
		  TLS_FAULT_EXPIRED },
		{ tls_lab.good, tls_lab.another, &localhost,
		  TLS_FAULT_UNKNOWN_ISSUER },
	};
	struct tls_play p;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		tls_play_start(&p, script, wrong[i].server);
		struct tried *t =
		    try_open(&p, POP3_TLS_MUST, wrong[i].client, wrong[i].peer);
		assert_int_equal(t->rc, -1);
		assert_null(t->c);
		assert_int_equal(t->e.class, ERR_TEMP);
		assert_int_equal(t->tls.step, TLS_STEP_UNACCEPTABLE);
		assert_int_equal(t->tls.fault, wrong[i].fault);
		tried_free(t, &p);
		assert_string_equal(p.heard, "CAPA|STLS|");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(after_stls_only_what_is_said_in_tls_counts),
		cmocka_unit_test(implicit_tls_begins_with_the_handshake),
		cmocka_unit_test(
		    without_an_offer_may_goes_on_and_must_does_not),
		cmocka_unit_test(
		    a_server_without_capa_is_asked_when_it_matters),
		cmocka_unit_test(a_refusal_is_said),
		cmocka_unit_test(replies_injected_before_the_handshake_end_it),
		cmocka_unit_test(
		    a_certificate_that_is_not_right_is_told_from_no_connection),
	};

	return cmocka_run_group_tests(tests, tls_lab_open, tls_lab_close);
}
