#include "../queue/queue_dir.h"

#include <dirent.h>
#include <errno.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/crc32.h"
#include "base/durable.h"
#include "base/log.h"
#include "sender/dane.h"
#include "sender/sts_policy.h"
#include "sender/sts_store.h"
#include "sender/tls_memory.h"

/* ---- the memory ---------------------------------------------------------
 */

struct world {
	struct queue_dir dir;
	struct tls_memory *m;
	struct err e;
};
static struct world w;

/* The wall clock, with the days the test lets pass. */
static int64_t ahead_s;
int64_t __real_clock_wall_s(void);
int64_t __wrap_clock_wall_s(void);

int64_t
__wrap_clock_wall_s(void)
{
	return __real_clock_wall_s() + ahead_s;
}

/* So many names are read, then EIO; 0: none fails. */
static int readdir_after;
struct dirent *__real_readdir(DIR *d);
struct dirent *__wrap_readdir(DIR *d);

struct dirent *
__wrap_readdir(DIR *d)
{
	if (readdir_after == 1) {
		errno = EIO;
		return NULL;
	}
	if (readdir_after > 1)
		readdir_after--;
	return __real_readdir(d);
}

static int
make(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	queue_dir_make(&w.dir);
	ahead_s = 0;
	readdir_after = 0;
	return 0;
}

static int
unmake(void **state)
{
	(void)state;
	tls_memory_free(&w.m);
	queue_dir_remove(&w.dir);
	return 0;
}

static void
open_again(int64_t ttl_s)
{
	tls_memory_free(&w.m);
	assert_int_equal(tls_memory_open(&w.m, w.dir.fd, ttl_s, &w.e), 0);
}

static void
a_level_is_remembered_and_never_lowered(void **state)
{
	struct tls_memory_item i;

	(void)state;
	open_again(1000);
	tls_memory_note(w.m, "b.example", TLS_LEVEL_ENCRYPTED);
	tls_memory_note(w.m, "a.example:25", TLS_LEVEL_VERIFIED);
	tls_memory_note(w.m, "c.example", TLS_LEVEL_CLEAR);
	tls_memory_note(w.m, "a.example:25", TLS_LEVEL_ENCRYPTED);
	for (int round = 0; round < 2; round++) {
		assert_int_equal(tls_memory_get(w.m, "a.example:25"),
				 TLS_LEVEL_VERIFIED);
		assert_int_equal(tls_memory_get(w.m, "b.example"),
				 TLS_LEVEL_ENCRYPTED);
		assert_int_equal(tls_memory_get(w.m, "c.example"),
				 TLS_LEVEL_CLEAR);
		open_again(1000); /* it is on disk */
	}
	tls_memory_note(w.m, "b.example", TLS_LEVEL_VERIFIED);
	open_again(1000);
	assert_int_equal(tls_memory_get(w.m, "b.example"), TLS_LEVEL_VERIFIED);
	assert_true(tls_memory_next(w.m, "", &i));
	assert_string_equal(i.name, "a.example:25");
	assert_int_equal(i.expires_s - i.seen_s, 1000);
	assert_true(tls_memory_next(w.m, i.name, &i));
	assert_string_equal(i.name, "b.example");
	assert_false(tls_memory_next(w.m, i.name, &i));
}

static void
what_an_administrator_forgets_stays_forgotten(void **state)
{
	(void)state;
	open_again(1000);
	tls_memory_note(w.m, "a.example", TLS_LEVEL_VERIFIED);
	assert_true(tls_memory_forget(w.m, "a.example"));
	assert_false(tls_memory_forget(w.m, "a.example"));
	assert_int_equal(tls_memory_get(w.m, "a.example"), TLS_LEVEL_CLEAR);
	open_again(1000);
	assert_int_equal(tls_memory_get(w.m, "a.example"), TLS_LEVEL_CLEAR);
	/* and with nothing to be remembered nothing is */
	open_again(0);
	tls_memory_note(w.m, "a.example", TLS_LEVEL_VERIFIED);
	assert_int_equal(tls_memory_get(w.m, "a.example"), TLS_LEVEL_CLEAR);
}

static void
write_memory(const char *text)
{
	assert_int_equal(
	    durable_replace(w.dir.fd, "tls-memory", span_of(text), 0600, &w.e),
	    0);
	open_again(1000);
}

static void
a_damaged_or_outlived_line_says_nothing(void **state)
{
	char line[100], text[200];

	(void)state;
	(void)snprintf(line, sizeof(line), "v %lld old.example",
		       (long long)clock_wall_s() - 2000);
	(void)snprintf(text, sizeof(text), "%08x %s\n",
		       (unsigned)crc32_add(0, line, strlen(line)), line);
	write_memory(text);
	assert_int_equal(tls_memory_get(w.m, "old.example"), TLS_LEVEL_CLEAR);
	(void)snprintf(line, sizeof(line), "v %lld new.example",
		       (long long)clock_wall_s());
	unsigned crc = crc32_add(0, line, strlen(line));
	(void)snprintf(text, sizeof(text), "%08x %s\n", crc, line);
	write_memory(text);
	assert_int_equal(tls_memory_get(w.m, "new.example"),
			 TLS_LEVEL_VERIFIED);
	/* one byte of it is another; a line is torn; others are nonsense */
	(void)snprintf(text, sizeof(text), "%08x %s\n%08x v 12\n\nx\n", crc,
		       line, crc);
	text[14] = (char)(text[14] ^ 1);
	write_memory(text);
	assert_int_equal(tls_memory_get(w.m, "new.example"), TLS_LEVEL_CLEAR);
	tls_memory_note(w.m, "new.example", TLS_LEVEL_ENCRYPTED);
	open_again(1000);
	assert_int_equal(tls_memory_get(w.m, "new.example"),
			 TLS_LEVEL_ENCRYPTED);
}

static unsigned
count_lines(void)
{
	char *text = NULL;
	size_t size = 0;
	unsigned n = 0;

	assert_int_equal(durable_read_file(w.dir.fd, "tls-memory", 1 << 20,
					   &text, &size, &w.e),
			 0);
	for (size_t i = 0; i < size; i++)
		n += text[i] == '\n';
	free(text);
	return n;
}

/* Or a busy server would sync a file for every connection; and never, and a
 * restart would forget who is seen every day. */
static void
what_is_seen_again_is_written_once_a_day(void **state)
{
	enum { HOUR_S = 3600, DAY_S = 24 * HOUR_S, TTL_S = 3 * DAY_S };

	(void)state;
	open_again(TTL_S);
	for (int hour = 0; hour < 24; hour++, ahead_s += HOUR_S - 1) {
		tls_memory_note(w.m, "a.example", TLS_LEVEL_VERIFIED);
		assert_int_equal(count_lines(), 1);
	}
	ahead_s = DAY_S + 60;
	for (int i = 0; i < 5; i++) {
		tls_memory_note(w.m, "a.example", TLS_LEVEL_VERIFIED);
		assert_int_equal(count_lines(), 2);
	}
	/* a restart knows that it was seen then */
	ahead_s = TTL_S + HOUR_S;
	open_again(TTL_S);
	assert_int_equal(tls_memory_get(w.m, "a.example"), TLS_LEVEL_VERIFIED);
}

static void
the_memory_is_bounded(void **state)
{
	struct buf text;
	char line[100];

	(void)state;
	buf_init(&text, 4 * 1024 * 1024);
	for (int i = 0; i <= TLS_MEMORY_MAX; i++) {
		int n = snprintf(line, sizeof(line), "e %lld d%d.example",
				 (long long)clock_wall_s() - 900 + (i > 0), i);
		assert_int_equal(
		    buf_addf(&text, "%08x %s\n",
			     (unsigned)crc32_add(0, line, (size_t)n), line),
		    0);
	}
	assert_int_equal(buf_add_char(&text, '\0'), 0);
	write_memory(text.p);
	buf_free(&text);
	assert_int_equal(tls_memory_get(w.m, "d0.example"), TLS_LEVEL_CLEAR);
	assert_int_equal(tls_memory_get(w.m, "d1.example"),
			 TLS_LEVEL_ENCRYPTED);
	tls_memory_note(w.m, "one-more.example", TLS_LEVEL_ENCRYPTED);
	assert_int_equal(tls_memory_get(w.m, "one-more.example"),
			 TLS_LEVEL_ENCRYPTED);
}

/* ---- MTA-STS ------------------------------------------------------------
 */

static void
a_record_announces_a_policy(void **state)
{
	static const char *const good[] = { "v=STSv1; id=20160831085700Z;",
					    "v=STSv1;id=a1",
					    "v=STSv1 ; x=y ; id=A ;",
					    "v=STSv1; id=1; id2=x" };
	static const char *const bad[] = {
		"",
		"v=STSv1",
		"v=STSv1;",
		"v=STSv2; id=1",
		"id=1; v=STSv1",
		"v=STSv1; id=",
		"v=STSv1; id=a-b",
		"v=STSv1; id=1; id=2",
		"v=STSv1; id=123456789012345678901234567890123",
		"v=STSv1 id=1",
		"v=spf1 -all",
	};
	char id[STS_ID_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(sts_record_parse(span_of(good[i]), id), 0);
	assert_int_equal(sts_record_parse(span_of(good[0]), id), 0);
	assert_string_equal(id, "20160831085700Z");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(sts_record_parse(span_of(bad[i]), id), -1);
}

static const char policy_text[] = "version: STSv1\r\nmode: enforce\r\n"
				  "mx: Mail.Example.com\r\n"
				  "mx: *.example.net\r\n"
				  "max_age: 604800\r\n";

static void
a_policy_names_servers(void **state)
{
	static struct sts_policy p;
	struct err e;

	(void)state;
	assert_int_equal(sts_policy_parse(span_of(policy_text), &p, &e), 0);
	assert_int_equal(p.mode, STS_ENFORCE);
	assert_int_equal(p.max_age_s, 604800);
	assert_true(sts_policy_matches(&p, "mail.example.com"));
	assert_true(sts_policy_matches(&p, "a.example.net"));
	assert_false(sts_policy_matches(&p, "example.net"));
	assert_false(sts_policy_matches(&p, "a.b.example.net"));
	assert_false(sts_policy_matches(&p, "x.mail.example.com"));
	assert_false(sts_policy_matches(&p, ".example.net"));
	/* LF, other keys, a key again, an age without end */
	assert_int_equal(
	    sts_policy_parse(span_of("version: STSv1\nmode: none\nmode: "
				     "enforce\nfuture: x:y\n\n"
				     "max_age:9999999999"),
			     &p, &e),
	    0);
	assert_int_equal(p.mode, STS_NONE);
	assert_int_equal(p.max_age_s, STS_AGE_MAX_S);
}

static void
a_bad_policy_is_none(void **state)
{
	static const char *const bad[] = {
		"",
		"version: STSv1\nmode: enforce\nmax_age: 1\n",
		"version: STSv2\nmode: none\nmax_age: 1\n",
		"mode: none\nmax_age: 1\n",
		"version: STSv1\nmode: strict\nmx: a.b\nmax_age: 1\n",
		"version: STSv1\nmode: enforce\nmx: a.b\n",
		"version: STSv1\nmode: enforce\nmx: a.b\nmax_age: -1\n",
		"version: STSv1\nmode: enforce\nmx: a.b\n"
		"max_age: 99999999999\n",
		"version: STSv1\nmode: enforce\nmx: a..b\nmax_age: 1\n",
		"version: STSv1\nmode: enforce\nmx: .b\nmax_age: 1\n",
		"version: STSv1\nmode: enforce\nmx: a.*.b\nmax_age: 1\n",
		"version: STSv1\nmode: enforce\nmx:\nmax_age: 1\n",
		"version: STSv1\nmode: enforce\nmx: a b\nmax_age: 1\n",
		"version: STSv1\n<html>\nmode: none\nmax_age: 1\n",
	};
	static struct sts_policy p;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (sts_policy_parse(span_of(bad[i]), &p, &e) == 0)
			fail_msg("%zu: %s", i, bad[i]);
		assert_int_equal(e.class, ERR_PERM);
	}
}

static void
a_kept_policy_is_the_domains_own_and_whole(void **state)
{
	static struct sts_kept k;
	char *text = NULL;
	size_t n = 0;

	(void)state;
	int fd = sts_store_open(w.dir.fd, 3, &w.e);
	assert_true(fd >= 0);
	assert_int_equal(sts_store_read(fd, "a.example", &k), -1);
	assert_int_equal(sts_store_write(fd, "a.example", "id1", 1234,
					 span_of(policy_text), &w.e),
			 0);
	assert_int_equal(sts_store_read(fd, "a.example", &k), 0);
	assert_string_equal(k.id, "id1");
	assert_int_equal(k.fetched_s, 1234);
	assert_int_equal(k.policy.n_mx, 2);
	assert_int_equal(
	    durable_read_file(fd, "a.example", 10000, &text, &n, &w.e), 0);
	assert_int_equal(sts_store_parse(span_make(text, n), "a.example", &k),
			 0);
	assert_int_equal(sts_store_parse(span_make(text, n), "b.example", &k),
			 -1);
	for (size_t i = 0; i < n; i++) {
		text[i] = (char)(text[i] ^ 4);
		assert_int_equal(
		    sts_store_parse(span_make(text, n), "a.example", &k), -1);
		text[i] = (char)(text[i] ^ 4);
		assert_int_equal(
		    sts_store_parse(span_make(text, i), "a.example", &k), -1);
	}
	free(text);
	/* no more files than may be */
	for (int i = 0; i < 5; i++) {
		char domain[32];
		(void)snprintf(domain, sizeof(domain), "d%d.example", i);
		assert_int_equal(sts_store_write(fd, domain, "x", 1,
						 span_of(policy_text), &w.e),
				 0);
	}
	(void)close(fd);
	fd = sts_store_open(w.dir.fd, 3, &w.e);
	int left = 0;
	for (int i = 0; i < 5; i++) {
		char domain[32];
		(void)snprintf(domain, sizeof(domain), "d%d.example", i);
		left += sts_store_read(fd, domain, &k) == 0;
	}
	left += sts_store_read(fd, "a.example", &k) == 0;
	assert_int_equal(left, 3);
	(void)close(fd);
}

/* The oldest of some are not the oldest: all stay, and the log says why. */
static void
policies_that_cannot_be_counted_stay(void **state)
{
	static struct sts_kept k;
	char log_path[96], *text = NULL;
	size_t n = 0;

	(void)state;
	(void)snprintf(log_path, sizeof(log_path), "%s/log", w.dir.path);
	assert_int_equal(log_open(log_path, LOG_WARN, NULL), 0);
	int fd = sts_store_open(w.dir.fd, 1, &w.e);
	for (int i = 0; i < 10; i++) {
		char domain[32];
		(void)snprintf(domain, sizeof(domain), "d%d.example", i);
		assert_int_equal(sts_store_write(fd, domain, "x", 1,
						 span_of(policy_text), &w.e),
				 0);
	}
	(void)close(fd);
	readdir_after = 9;
	fd = sts_store_open(w.dir.fd, 1, &w.e);
	assert_true(fd >= 0);
	for (int i = 0; i < 10; i++) {
		char domain[32];
		(void)snprintf(domain, sizeof(domain), "d%d.example", i);
		assert_int_equal(sts_store_read(fd, domain, &k), 0);
	}
	(void)close(fd);
	(void)log_open("/dev/null", LOG_ERROR, NULL);
	assert_int_equal(
	    durable_read_file(AT_FDCWD, log_path, 10000, &text, &n, NULL), 0);
	const char *line = strstr(text, "sts-not-pruned");
	assert_non_null(line);
	assert_non_null(strstr(line, "Input/output error"));
	assert_null(strstr(line + 1, "sts-not-pruned"));
	free(text);
}

/* ---- DANE ---------------------------------------------------------------
 */

static enum dane_kind
take(enum dns_status status, enum dns_security security, unsigned char usage,
     unsigned char selector, unsigned char matching, size_t digest)
{
	struct dns_answer *a = calloc(1, sizeof(*a) + 100);
	struct dane d = { 0 };

	assert_non_null(a);
	a->status = status;
	a->security = security;
	if (status == DNS_OK) {
		char head[] = { (char)usage, (char)selector, (char)matching };
		memcpy(a->bytes, head, 3);
		a->rdata[a->n++] = span_make(a->bytes, 3 + digest);
	}
	dane_take(&d, a);
	enum dane_kind kind = d.kind;
	assert_int_equal(d.n, kind == DANE_USABLE ? 1 : 0);
	free(a);
	return kind;
}

static void
only_validated_records_count(void **state)
{
	(void)state;
	assert_int_equal(take(DNS_OK, DNS_SECURE, 3, 1, 1, 32), DANE_USABLE);
	assert_int_equal(take(DNS_OK, DNS_SECURE, 2, 0, 2, 64), DANE_USABLE);
	assert_int_equal(take(DNS_OK, DNS_INSECURE, 3, 1, 1, 32), DANE_NONE);
	assert_int_equal(take(DNS_NO_DATA, DNS_SECURE, 0, 0, 0, 0), DANE_NONE);
	assert_int_equal(take(DNS_NO_NAME, DNS_SECURE, 0, 0, 0, 0), DANE_NONE);
	/* RFC 7672 3.1.3, and what nobody can use */
	assert_int_equal(take(DNS_OK, DNS_SECURE, 0, 1, 1, 32), DANE_UNUSABLE);
	assert_int_equal(take(DNS_OK, DNS_SECURE, 1, 1, 1, 32), DANE_UNUSABLE);
	assert_int_equal(take(DNS_OK, DNS_SECURE, 3, 2, 1, 32), DANE_UNUSABLE);
	assert_int_equal(take(DNS_OK, DNS_SECURE, 3, 1, 3, 32), DANE_UNUSABLE);
	assert_int_equal(take(DNS_OK, DNS_SECURE, 3, 1, 1, 31), DANE_UNUSABLE);
	/* 2.1.1: not now */
	assert_int_equal(take(DNS_FAILED, DNS_BOGUS, 0, 0, 0, 0), DANE_UNKNOWN);
	assert_int_equal(take(DNS_FAILED, DNS_INSECURE, 0, 0, 0, 0),
			 DANE_UNKNOWN);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make, unmake)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_level_is_remembered_and_never_lowered),
		TEST(what_an_administrator_forgets_stays_forgotten),
		TEST(a_damaged_or_outlived_line_says_nothing),
		TEST(what_is_seen_again_is_written_once_a_day),
		TEST(the_memory_is_bounded),
		cmocka_unit_test(a_record_announces_a_policy),
		cmocka_unit_test(a_policy_names_servers),
		cmocka_unit_test(a_bad_policy_is_none),
		TEST(a_kept_policy_is_the_domains_own_and_whole),
		TEST(policies_that_cannot_be_counted_stay),
		cmocka_unit_test(only_validated_records_count),
	};

	(void)log_open("/dev/null", LOG_ERROR, NULL);
	return cmocka_run_group_tests_name("sender/tls_policy", tests, NULL,
					   NULL);
}
