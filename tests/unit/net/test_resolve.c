#include "../test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/thread.h"
#include "net/resolve.h"

/*
 * In place of the C library's: a resolver whose name server is dead until the
 * test lets it answer.
 */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;
static int asked, answered;
static bool dead;

static struct sockaddr_in there = { .sin_family = AF_INET };
static struct sockaddr_in elsewhere = { .sin_family = AF_INET,
					.sin_addr = { 1 } };
static struct addrinfo found = { .ai_family = AF_INET,
				 .ai_socktype = SOCK_STREAM,
				 .ai_addr = (struct sockaddr *)&there,
				 .ai_addrlen = sizeof(there) };

/* "other.test" leads to another address, "both.test" to that one first. */
static struct addrinfo other = { .ai_family = AF_INET,
				 .ai_socktype = SOCK_STREAM,
				 .ai_addr = (struct sockaddr *)&elsewhere,
				 .ai_addrlen = sizeof(elsewhere) };
static struct addrinfo both = { .ai_family = AF_INET,
				.ai_socktype = SOCK_STREAM,
				.ai_addr = (struct sockaddr *)&elsewhere,
				.ai_addrlen = sizeof(elsewhere),
				.ai_next = &found };

static struct addrinfo *
list_of(const char *host)
{
	return strcmp(host, "mx.test") == 0      ? &found
	       : strcmp(host, "other.test") == 0 ? &other
	       : strcmp(host, "both.test") == 0  ? &both
						 : NULL;
}

int
getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
	    struct addrinfo **list)
{
	struct in_addr ignored;

	if (host == NULL || inet_pton(AF_INET, host, &ignored) == 1) {
		*list = &found;
		return 0;
	}
	if ((hints->ai_flags & AI_NUMERICHOST) != 0)
		return EAI_NONAME;
	assert_true(strcmp(service, "25") == 0 || strcmp(service, "0") == 0);
	(void)pthread_mutex_lock(&lock);
	asked++;
	(void)pthread_cond_broadcast(&moved);
	while (dead)
		(void)pthread_cond_wait(&moved, &lock);
	*list = list_of(host);
	int rc = *list != NULL ? 0 : EAI_NONAME;
	answered++;
	(void)pthread_cond_broadcast(&moved);
	(void)pthread_mutex_unlock(&lock);
	return rc;
}

/* What the address is called, or NULL. */
static const char *called;

int
getnameinfo(const struct sockaddr *at, socklen_t at_n, char *host,
	    socklen_t host_n, char *service, socklen_t service_n, int flags)
{
	const char *address =
	    (const void *)at == &there ? "0.0.0.0" : "1.0.0.0";
	const char *text = (flags & NI_NUMERICHOST) != 0 ? address : called;

	(void)at_n;
	(void)service;
	(void)service_n;
	if (text == NULL)
		return EAI_NONAME;
	return snprintf(host, host_n, "%s", text) < (int)host_n ? 0
								: EAI_OVERFLOW;
}

static int freed;

void
freeaddrinfo(struct addrinfo *list)
{
	assert_true(list == &found || list == &other || list == &both);
	(void)pthread_mutex_lock(&lock);
	freed++;
	(void)pthread_cond_broadcast(&moved);
	(void)pthread_mutex_unlock(&lock);
}

static void
set_dead(bool is)
{
	(void)pthread_mutex_lock(&lock);
	dead = is;
	(void)pthread_cond_broadcast(&moved);
	(void)pthread_mutex_unlock(&lock);
}

static void
names_that_are_known_and_not(void **state)
{
	struct addrinfo *list = NULL;
	struct err e;

	(void)state;
	int64_t deadline = clock_mono_ms() + 10000;
	assert_int_equal(resolve_host(&list, "mx.test", 25, deadline, NULL, &e),
			 0);
	assert_ptr_equal(list, &found);
	assert_int_equal(resolve_host(&list, "no.test", 25, deadline, NULL, &e),
			 -1);
	assert_int_equal(e.class, ERR_TEMP);
	assert_non_null(strstr(e.msg, "no.test"));
	/* without a deadline */
	assert_int_equal(resolve_host(&list, "mx.test", 25, -1, NULL, &e), 0);
}

static void
an_address_has_the_name_it_is_given(void **state)
{
	static const struct {
		const char *called;
		int rc;
		bool confirmed;
	} cases[] = {
		{ "mx.test", 0, true },
		{ "no.test", 0, false },    /* it leads nowhere */
		{ "other.test", 0, false }, /* and it to somebody else */
		{ "both.test", 0, true },
		{ NULL, -1, false },
		{ "", -1, false },
		{ "mx.test\r\nEvil: yes", -1, false },
		{ "m\xc3\xbcller.test", -1, false },
	};
	char name[RESOLVE_NAME_SIZE];
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool confirmed = !cases[i].confirmed;
		called = cases[i].called;
		assert_int_equal(
		    resolve_address("0.0.0.0", -1, NULL, name, &confirmed, &e),
		    cases[i].rc);
		if (cases[i].rc != 0) {
			assert_int_equal(e.class, ERR_TEMP);
			continue;
		}
		assert_string_equal(name, cases[i].called);
		assert_int_equal(confirmed, cases[i].confirmed);
	}
}

static void
a_dead_name_server_costs_no_more_than_the_deadline(void **state)
{
	struct addrinfo *list = NULL;
	struct wake stop;
	struct err e;

	(void)state;
	set_dead(true);
	int before = answered, freed_before = freed;
	int64_t start = clock_mono_ms();
	assert_int_equal(
	    resolve_host(&list, "mx.test", 25, start + 100, NULL, &e), -1);
	assert_int_equal(e.class, ERR_TIMEOUT);
	assert_null(list);
	assert_true(clock_mono_ms() - start >= 100);
	assert_int_equal(wake_init(&stop, &e), 0);
	wake_raise(&stop);
	assert_int_equal(
	    resolve_host(&list, "mx.test", 25, start + 600000, &stop, &e), -1);
	assert_int_equal(e.class, ERR_STOP);
	wake_close(&stop);
	/* Addresses need nobody's answer. */
	assert_int_equal(
	    resolve_host(&list, "127.0.0.1", 25, start + 600000, NULL, &e), 0);
	assert_int_equal(
	    resolve_host(&list, "localhost", 25, start + 600000, NULL, &e), 0);
	/* What nobody waits for any more is thrown away when it comes. */
	set_dead(false);
	(void)pthread_mutex_lock(&lock);
	while (answered < before + 2 || freed < freed_before + 2)
		(void)pthread_cond_wait(&moved, &lock);
	(void)pthread_mutex_unlock(&lock);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_that_are_known_and_not),
		cmocka_unit_test(an_address_has_the_name_it_is_given),
		cmocka_unit_test(
		    a_dead_name_server_costs_no_more_than_the_deadline),
	};

	return cmocka_run_group_tests_name("net/resolve", tests, NULL, NULL);
}
