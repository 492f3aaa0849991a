#include "../net/tls_play.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "smtp/smtp_client.h"

enum { WAIT_MS = TLS_PLAY_WAIT_MS };

struct told {
	char text[4096];
};

static void
note(void *ctx, char direction, struct span line)
{
	struct told *t = ctx;
	size_t n = strlen(t->text);

	(void)snprintf(t->text + n, sizeof(t->text) - n, "%c%.*s\n", direction,
		       SPAN_ARG(line));
}

/* What a test wants and what came of it. */
struct tried {
	int rc;
	struct smtp_client *c;
	struct smtp_reply r;
	struct err e;
	struct tls_outcome tls;
	struct told told;
};

static struct tried *
try_for(int64_t wait_ms, struct tls_play *p, enum smtp_client_tls tls,
	struct tls_client *client, const struct tls_peer *peer)
{
	struct tried *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	struct smtp_client_options o = { .host = "127.0.0.1",
					 .port = p->port,
					 .helo = "client.test",
					 .connect_timeout_ms = WAIT_MS,
					 .command_timeout_ms = wait_ms,
					 .data_timeout_ms = WAIT_MS,
					 .trace = note,
					 .trace_ctx = &t->told,
					 .tls = tls,
					 .tls_client = client,
					 .tls_peer = peer,
					 .tls_outcome = &t->tls };
	t->rc = smtp_client_open(&t->c, &o, &t->r, &t->e);
	return t;
}

static struct tried *
try_open(struct tls_play *p, enum smtp_client_tls tls,
	 struct tls_client *client, const struct tls_peer *peer)
{
	return try_for(WAIT_MS, p, tls, client, peer);
}

static void
tried_free(struct tried *t, struct tls_play *p)
{
	smtp_client_close(&t->c, true);
	tls_play_end(p);
	free(t);
}

static const char *const host_names[] = { "localhost" };
static const struct tls_peer localhost = { .check = TLS_CHECK_NAME,
					   .sni = "localhost",
					   .names = host_names,
					   .n_names = 1 };

#define CLEAR_EHLO                                                          \
	"S 220 mx ESMTP", "C EHLO client.test", "S 250-mx", "S 250-SIZE 5", \
	    "S 250-DSN", "S 250-AUTH PLAIN"
#define STARTTLS "S 250 STARTTLS", "C STARTTLS"
#define TLS_EHLO \
	"T", "C EHLO client.test", "S 250-mx", "S 250 PIPELINING", "C QUIT"

static void
after_starttls_only_what_is_said_in_tls_counts(void **state)
{
	static const char *const script[] = {
		CLEAR_EHLO, STARTTLS,    "S 220 2.0.0 go ahead",
		TLS_EHLO,   "S 221 bye", NULL
	};
	struct tls_play p;

	(void)state;
	tls_play_start(&p, script, tls_lab.good);
	struct tried *t =
	    try_open(&p, SMTP_TLS_MUST, tls_lab.client, &localhost);
	assert_int_equal(t->rc, 0);
	assert_int_equal(t->r.code, 250);
	assert_non_null(t->c);
	assert_int_equal(smtp_client_extensions(t->c), SMTP_EXT_PIPELINING);
	assert_int_equal(smtp_client_size_max(t->c), 0);
	assert_int_equal(t->tls.step, TLS_STEP_ON);
	assert_true(t->tls.verified);
	assert_string_equal(t->tls.version, "TLSv1.3");
	assert_string_equal(t->tls.subject, "CN=good");
	assert_string_equal(t->tls.issuer, "CN=ca");
	assert_memory_equal(smtp_client_tls(t->c), &t->tls, sizeof(t->tls));
	assert_non_null(
	    strstr(t->told.text, "<220 2.0.0 go ahead\n=TLSv1.3 TLS_"));
	assert_non_null(strstr(t->told.text, ", verified\n>EHLO client.test"));
	tried_free(t, &p);
	assert_null(p.failed_at);
	assert_string_equal(p.heard,
			    "EHLO client.test|STARTTLS|EHLO client.test|QUIT|");
}

static void
implicit_tls_begins_with_the_handshake(void **state)
{
	static const char *const script[] = { "T",          "S 220 mx ESMTP",
					      "C EHLO",     "S 250-mx",
					      "S 250 SIZE", "C QUIT",
					      "S 221 bye",  NULL };
	struct tls_play p;

	(void)state;
	tls_play_start(&p, script, tls_lab.good);
	struct tried *t =
	    try_open(&p, SMTP_TLS_IMPLICIT, tls_lab.client, &localhost);
	assert_int_equal(t->rc, 0);
	assert_non_null(t->c);
	assert_int_equal(t->tls.step, TLS_STEP_ON);
	assert_true(t->tls.verified);
	tried_free(t, &p);
	assert_null(p.failed_at);
}

static void
without_an_offer_may_goes_on_and_must_does_not(void **state)
{
	static const char *const script[] = { CLEAR_EHLO, "S 250 8BITMIME",
					      "C QUIT", "S 221 bye", NULL };
	struct tls_play p;

	(void)state;
	tls_play_start(&p, script, NULL);
	struct tried *t =
	    try_open(&p, SMTP_TLS_MAY, tls_lab.client, &localhost);
	assert_int_equal(t->rc, 0);
	assert_non_null(t->c);
	assert_int_equal(smtp_client_size_max(t->c), 5);
	assert_int_equal(t->tls.step, TLS_STEP_NOT_OFFERED);
	tried_free(t, &p);
	assert_null(p.failed_at);

	tls_play_start(&p, script, NULL);
	t = try_open(&p, SMTP_TLS_MUST, tls_lab.client, &localhost);
	assert_int_equal(t->rc, -1);
	assert_null(t->c);
	assert_int_equal(t->e.class, ERR_TEMP);
	assert_int_equal(t->tls.step, TLS_STEP_NOT_OFFERED);
	tried_free(t, &p);
	assert_null(p.failed_at);
}

static void
a_refusal_is_no_refusal_of_the_message(void **state)
{
	static const char *const script[] = {
		CLEAR_EHLO, STARTTLS,    "S 554 5.7.0 not for you",
		"C QUIT",   "S 221 bye", NULL
	};
	struct tls_play p;

	(void)state;
	tls_play_start(&p, script, NULL);
	struct tried *t =
	    try_open(&p, SMTP_TLS_MAY, tls_lab.client, &localhost);
	assert_int_equal(t->rc, 0);
	assert_int_equal(t->r.code, 250);
	assert_non_null(t->c);
	assert_int_equal(t->tls.step, TLS_STEP_REFUSED);
	tried_free(t, &p);

	tls_play_start(&p, script, NULL);
	t = try_open(&p, SMTP_TLS_MUST, tls_lab.client, &localhost);
	assert_int_equal(t->rc, -1);
	assert_int_equal(t->e.class, ERR_TEMP);
	assert_non_null(strstr(t->e.msg, "554 5.7.0 not for you"));
	assert_int_equal(t->tls.step, TLS_STEP_REFUSED);
	tried_free(t, &p);
	assert_null(p.failed_at);
}

static void
another_yes_than_220_is_the_end(void **state)
{
	static const char *const script[] = { CLEAR_EHLO, STARTTLS,
					      "S 250 whatever", NULL };
	struct tls_play p;

	(void)state;
	tls_play_start(&p, script, NULL);
	struct tried *t =
	    try_open(&p, SMTP_TLS_MAY, tls_lab.client, &localhost);
	assert_int_equal(t->rc, -1);
	assert_int_equal(t->e.class, ERR_PROTO);
	tried_free(t, &p);
}

/* CVE-2011-0411, CVE-2021-33515: what came in clear text behind the 220 would
 * be taken as the answer to the EHLO inside TLS. */
static void
replies_injected_before_the_handshake_end_it(void **state)
{
	static const char *const script[] = {
		CLEAR_EHLO, STARTTLS,
		"R 220 go ahead\r\n250-mx\r\n250 AUTH PLAIN\r\n", "C EHLO", NULL
	};
	struct tls_play p;

	(void)state;
	for (int may = 0; may < 2; may++) {
		tls_play_start(&p, script, tls_lab.good);
		struct tried *t =
		    try_open(&p, may ? SMTP_TLS_MAY : SMTP_TLS_MUST,
			     tls_lab.client, NULL);
		assert_int_equal(t->rc, -1);
		assert_null(t->c);
		assert_int_equal(t->e.class, ERR_PROTO);
		assert_int_equal(t->tls.step, TLS_STEP_FAILED);
		tried_free(t, &p);
		assert_string_equal(p.heard, "EHLO client.test|STARTTLS|");
	}
}

static void
a_handshake_that_fails_ends_it(void **state)
{
	static const char *const words[] = { CLEAR_EHLO,
					     STARTTLS,
					     "S 220 go ahead",
					     "C \x16",
					     "S 500 what is this?",
					     NULL };
	static const char *const silence[] = { CLEAR_EHLO, STARTTLS,
					       "S 220 go ahead", NULL };
	const char *const *const scripts[] = { words, silence };
	struct tls_play p;

	(void)state;
	for (int i = 0; i < 2; i++) {
		tls_play_start(&p, scripts[i], NULL);
		struct tried *t =
		    try_open(&p, SMTP_TLS_MAY, tls_lab.client, &localhost);
		assert_int_equal(t->rc, -1);
		assert_null(t->c);
		assert_int_equal(t->tls.step, TLS_STEP_FAILED);
		tried_free(t, &p);
	}
}

static void
a_handshake_that_stalls_has_the_time_of_a_command(void **state)
{
	static const char *const starttls[] = { CLEAR_EHLO, STARTTLS,
						"S 220 go ahead", "W", NULL };
	static const char *const implicit[] = { "W", NULL };
	struct tls_play p;

	(void)state;
	for (int i = 0; i < 2; i++) {
		tls_play_start(&p, i == 0 ? starttls : implicit, NULL);
		struct tried *t =
		    try_for(300, &p, i == 0 ? SMTP_TLS_MAY : SMTP_TLS_IMPLICIT,
			    tls_lab.client, &localhost);
		assert_int_equal(t->rc, -1);
		assert_null(t->c);
		assert_int_equal(t->e.class, ERR_TIMEOUT);
		assert_int_equal(t->tls.step, TLS_STEP_FAILED);
		tried_free(t, &p);
	}
}

static void
assert_unacceptable(struct tls_server *server, struct tls_client *client,
		    const struct tls_peer *peer, enum tls_fault fault)
{
	static const char *const script[] = { CLEAR_EHLO,       STARTTLS,
					      "S 220 go ahead", TLS_EHLO,
					      "S 221 bye",      NULL };
	struct tls_play p;

	tls_play_start(&p, script, server);
	struct tried *t = try_open(&p, SMTP_TLS_MUST, client, peer);
	assert_int_equal(t->rc, -1);
	assert_null(t->c);
	assert_int_equal(t->e.class, ERR_TEMP);
	assert_int_equal(t->tls.step, TLS_STEP_UNACCEPTABLE);
	assert_int_equal(t->tls.fault, fault);
	assert_false(t->tls.verified);
	assert_string_equal(t->tls.issuer, "CN=ca");
	assert_true(t->tls.has_pin);
	tried_free(t, &p);
	assert_string_equal(p.heard, "EHLO client.test|STARTTLS|");

	/* who does not care gets through, and is told the same */
	tls_play_start(&p, script, server);
	struct tls_peer any = *peer;
	any.check = TLS_CHECK_NONE;
	t = try_open(&p, SMTP_TLS_MAY, client, &any);
	assert_int_equal(t->rc, 0);
	assert_non_null(t->c);
	assert_int_equal(t->tls.step, TLS_STEP_ON);
	assert_int_equal(t->tls.fault, fault);
	assert_false(t->tls.verified);
	tried_free(t, &p);
	assert_null(p.failed_at);
}

static void
a_certificate_that_is_not_right_is_told_from_no_connection(void **state)
{
	static const char *const names[] = { "other.example" };
	static const struct tls_peer other = { .check = TLS_CHECK_NAME,
					       .names = names,
					       .n_names = 1 };

	(void)state;
	assert_unacceptable(tls_lab.good, tls_lab.client, &other,
			    TLS_FAULT_WRONG_NAME);
	assert_unacceptable(tls_lab.expired, tls_lab.client, &localhost,
			    TLS_FAULT_EXPIRED);
	assert_unacceptable(tls_lab.good, tls_lab.another, &localhost,
			    TLS_FAULT_UNKNOWN_ISSUER);
}

static void
no_connection_leaves_no_outcome(void **state)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof(a);
	struct tls_play p = { 0 };

	(void)state;
	/* bound and not listening: refused */
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, n), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	p.port = ntohs(a.sin_port);
	struct tried *t =
	    try_open(&p, SMTP_TLS_MUST, tls_lab.client, &localhost);
	assert_int_equal(t->rc, -1);
	assert_int_equal(t->e.class, ERR_TEMP);
	assert_int_equal(t->tls.step, TLS_STEP_NONE);
	free(t);
	(void)close(fd);
}

/* ---- REQUIRETLS (RFC 8689 4.2.1) ----------------------------------------
 */

static long
give_nothing(void *ctx, char *p, unsigned long size, struct err *e)
{
	(void)ctx;
	(void)p;
	(void)size;
	(void)e;
	return 0;
}

/* One message that requires it; its verdict. */
static struct smtp_reply
send_required(struct tried *t, const char *reverse_path)
{
	struct smtp_send_rcpt to = { .address = "bob@xyz.com" };
	struct smtp_send m = { .reverse_path = reverse_path,
			       .recipients = &to,
			       .n_recipients = 1,
			       .require_tls = true,
			       .read_bytes = give_nothing };

	assert_int_equal(t->rc, 0);
	assert_non_null(t->c);
	assert_int_equal(smtp_client_send(t->c, &m, &t->e), 0);
	return to.reply;
}

static void
requiretls_goes_to_who_is_verified_and_offers_it(void **state)
{
	static const char *const script[] = {
		"T",           "S 220 mx",         "C EHLO",
		"S 250-mx",    "S 250 REQUIRETLS", "C MAIL",
		"S 250 ok",    "C RCPT",           "S 250 ok",
		"C DATA",      "S 354 go",         "C .",
		"S 250 taken", "C QUIT",           "S 221 bye",
		NULL
	};
	struct tls_play p;

	(void)state;
	tls_play_start(&p, script, tls_lab.good);
	struct tried *t =
	    try_open(&p, SMTP_TLS_IMPLICIT, tls_lab.client, &localhost);
	struct smtp_reply r = send_required(t, "alice@abc.com");
	assert_int_equal(r.code, 250);
	tried_free(t, &p);
	assert_null(p.failed_at);
	assert_non_null(
	    strstr(p.heard, "MAIL FROM:<alice@abc.com> REQUIRETLS|"));
}

static void
requiretls_goes_to_nobody_else(void **state)
{
	static const struct {
		const char *const script[8];
		const struct tls_peer *peer;
	} rows[] = {
		/* verified, and does not offer it */
		{ { "T", "S 220 mx", "C EHLO", "S 250-mx", "S 250 STARTTLS",
		    "C QUIT", "S 221 bye", NULL },
		  &localhost },
		/* offers it, and may be anybody */
		{ { "T", "S 220 mx", "C EHLO", "S 250-mx", "S 250 REQUIRETLS",
		    "C QUIT", "S 221 bye", NULL },
		  NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tls_play p;
		tls_play_start(&p, rows[i].script, tls_lab.good);
		struct tried *t = try_open(&p, SMTP_TLS_IMPLICIT,
					   tls_lab.client, rows[i].peer);
		struct smtp_reply r = send_required(t, "alice@abc.com");
		assert_int_equal(r.code, 550);
		assert_string_equal(r.enhanced, "5.7.30");
		tried_free(t, &p);
		assert_null(p.failed_at);
		assert_null(strstr(p.heard, "MAIL"));
	}
}

/* RFC 8689 5: it goes all the same; 4.2.1: without the parameter. */
static void
a_report_goes_without_requiretls_to_who_does_not_offer_it(void **state)
{
	static const char *const script[] = {
		"T",           "S 220 mx",       "C EHLO",
		"S 250-mx",    "S 250 STARTTLS", "C MAIL",
		"S 250 ok",    "C RCPT",         "S 250 ok",
		"C DATA",      "S 354 go",       "C .",
		"S 250 taken", "C QUIT",         "S 221 bye",
		NULL
	};
	struct tls_play p;

	(void)state;
	tls_play_start(&p, script, tls_lab.good);
	struct tried *t =
	    try_open(&p, SMTP_TLS_IMPLICIT, tls_lab.client, &localhost);
	struct smtp_reply r = send_required(t, "");
	assert_int_equal(r.code, 250);
	tried_free(t, &p);
	assert_null(p.failed_at);
	assert_non_null(strstr(p.heard, "MAIL FROM:<>|"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    after_starttls_only_what_is_said_in_tls_counts),
		cmocka_unit_test(implicit_tls_begins_with_the_handshake),
		cmocka_unit_test(
		    without_an_offer_may_goes_on_and_must_does_not),
		cmocka_unit_test(a_refusal_is_no_refusal_of_the_message),
		cmocka_unit_test(another_yes_than_220_is_the_end),
		cmocka_unit_test(replies_injected_before_the_handshake_end_it),
		cmocka_unit_test(a_handshake_that_fails_ends_it),
		cmocka_unit_test(
		    a_handshake_that_stalls_has_the_time_of_a_command),
		cmocka_unit_test(
		    a_certificate_that_is_not_right_is_told_from_no_connection),
		cmocka_unit_test(no_connection_leaves_no_outcome),
		cmocka_unit_test(
		    requiretls_goes_to_who_is_verified_and_offers_it),
		cmocka_unit_test(requiretls_goes_to_nobody_else),
		cmocka_unit_test(
		    a_report_goes_without_requiretls_to_who_does_not_offer_it),
	};

	return cmocka_run_group_tests(tests, tls_lab_open, tls_lab_close);
}
