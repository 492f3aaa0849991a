#include "../test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/dial.h"
#include "net/listen_options.h"
#include "net/services.h"
#include "tests/unit/net/issue.h"

/* A server with three services.  Each greets with the word of its engine and
 * waits to be asked to leave; what is opened and closed is counted. */

struct values {
	struct listen_options first, second, third;
	struct tls_settings tls;
};

struct fake {
	char words[100]; /* of the engines, as they were opened */
	int open;        /* engines */
	bool fails;      /* at the second */
	bool has_tls[3];
};

struct engine {
	struct fake *owner;
	const char *word;
};

static int64_t
soon(void)
{
	return clock_mono_ms() + 10000;
}

static void
serve(void *ctx, const struct listener_client *c)
{
	const struct engine *g = ctx;
	struct line line;
	struct err e;

	stream_watch(c->stream, c->drain);
	if (stream_writef(c->stream, soon(), &e, "%s\r\n", g->word) == 0 &&
	    stream_flush(c->stream, soon(), &e) == 0)
		(void)stream_read_line(c->stream, 100, -1, &line, &e);
}

static int
open_engine(struct fake *f, size_t i, const char *word, struct tls_server *tls,
	    void **engine, struct err *e)
{
	if (f->fails && i == 1)
		return err_set(e, ERR_PERM, 0, "no %s today", word);
	struct engine *g = calloc(1, sizeof(*g));
	assert_non_null(g);
	*g = (struct engine){ f, word };
	size_t n = strlen(f->words);
	(void)snprintf(f->words + n, sizeof(f->words) - n, " %s", word);
	f->has_tls[i] = tls != NULL;
	f->open++;
	*engine = g;
	return 0;
}

static int
open_first(void *server, struct tls_server *tls, void **engine, struct err *e)
{
	return open_engine(server, 0, "first", tls, engine, e);
}

static int
open_second(void *server, struct tls_server *tls, void **engine, struct err *e)
{
	return open_engine(server, 1, "second", tls, engine, e);
}

static int
open_third(void *server, struct tls_server *tls, void **engine, struct err *e)
{
	return open_engine(server, 2, "third", tls, engine, e);
}

static void
close_engine(void *engine)
{
	struct engine *g = engine;

	g->owner->open--;
	free(g);
}

static void
first_options(const void *values, struct listener_options *o)
{
	listen_options_listener(&((const struct values *)values)->first, o);
}

static void
second_options(const void *values, struct listener_options *o)
{
	listen_options_listener(&((const struct values *)values)->second, o);
}

static void
third_options(const void *values, struct listener_options *o)
{
	listen_options_listener(&((const struct values *)values)->third, o);
}

static const struct service rows[] = {
	{ "first", "one", "1 busy\r\n", first_options, open_first, serve,
	  close_engine },
	{ "second", "two", "2 busy\r\n", second_options, open_second, serve,
	  close_engine },
	{ "third", NULL, "3 busy\r\n", third_options, open_third, serve,
	  close_engine },
	{ .name = NULL },
};

#define AT(field) offsetof(struct values, field)

static const struct option table[] = {
	LISTEN_OPTIONS("first", AT(first), "127.0.0.1:0", "first", "1"),
	LISTEN_OPTIONS("second", AT(second), "", "second", "2"),
	LISTEN_USER_OPTIONS("second", AT(second)),
	LISTEN_LOCAL_OPTIONS("third", AT(third), "", "third", "3"),
	TLS_SETTINGS(AT(tls)),
	{ NULL, NULL, OPTION_BOOL, 0, NULL, 0, 0, NULL, NULL },
};

/* Values as a file of this text would give them. */
static struct values *
read_values(const char *dir, const char *text)
{
	struct values *v = calloc(1, sizeof(*v));
	char path[200];
	struct err e;

	assert_non_null(v);
	(void)snprintf(path, sizeof(path), "%s/conf", dir);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	if (option_load(table, path, v, &e) != 0)
		fail_msg("%s", e.msg);
	assert_int_equal(unlink(path), 0);
	return v;
}

static void
drop_values(struct values *v)
{
	option_free(table, v);
	free(v);
}

static void
assert_greets(uint16_t port, const char *word)
{
	struct stream *s = NULL;
	struct line line;
	struct err e;

	assert_int_equal(net_dial(&s, "127.0.0.1", port, soon(), NULL, &e), 0);
	assert_int_equal(stream_read_line(s, 100, soon(), &line, &e), 0);
	assert_span(line.text, word);
	stream_free(&s);
}

static void
leave(struct services *s, const struct fake *f)
{
	services_stop(s, clock_mono_ms());
	services_free(&s);
	assert_null(s);
	assert_int_equal(f->open, 0);
}

static void
every_row_is_served_by_its_own_engine(void **state)
{
	const char *dir = *state;
	char text[1000];
	struct fake f = { .words = "" };
	struct daemon_ports ports = { .n = 0 };
	struct services *s = NULL;
	struct err e;

	issue(dir, "mx",
	      &(struct issue){ .common_name = "mx.test", .names = "DNS:mx" });
	(void)snprintf(text, sizeof(text),
		       "[first]\nlisten-tls = 127.0.0.1:0\n"
		       "[second]\nlisten = 127.0.0.1:0 127.0.0.2:0\n"
		       "[third]\nlisten = %s/socket 127.0.0.1:0\n"
		       "[tls]\ncertificate = %s/mx.crt\nkey = %s/mx.key\n",
		       dir, dir, dir);
	struct values *v = read_values(dir, text);
	assert_int_equal(services_check("conf", rows, v, &v->tls, &e), 0);
	assert_int_equal(services_new(&s, rows, &f, &e), 0);
	assert_int_equal(services_bind(s, v, &v->tls, &ports, &e), 0);
	assert_int_equal(f.open, 0);
	assert_int_equal(services_open(s, &e), 0);
	assert_string_equal(f.words, " first second third");
	assert_true(f.has_tls[0] && f.has_tls[1] && !f.has_tls[2]);
	assert_int_equal(services_start(s, &e), 0);
	/* in the order of the rows and their words; a path has no port */
	static const char *const names[] = { "first", "first-tls", "second",
					     "second", "third" };
	assert_int_equal(ports.n, 5);
	for (size_t i = 0; i < 5; i++) {
		assert_string_equal(ports.v[i].name, names[i]);
		assert_int_not_equal(ports.v[i].port, 0);
	}
	assert_greets(ports.v[0].port, "first");
	assert_greets(ports.v[2].port, "second");
	assert_greets(ports.v[4].port, "third");
	assert_int_equal(services_reload(s, &v->tls, &e), 0);
	assert_greets(ports.v[2].port, "second");
	leave(s, &f);
	drop_values(v);
}

static void
what_listens_nowhere_is_opened_all_the_same(void **state)
{
	struct fake f = { .words = "" };
	struct daemon_ports ports = { .n = 0 };
	struct services *s = NULL;
	struct err e;

	struct values *v = read_values(*state, "");
	assert_int_equal(services_new(&s, rows, &f, &e), 0);
	assert_int_equal(services_bind(s, v, &v->tls, &ports, &e), 0);
	assert_int_equal(services_open(s, &e), 0);
	assert_int_equal(services_start(s, &e), 0);
	assert_int_equal(f.open, 3);
	assert_int_equal(ports.n, 1);
	assert_greets(ports.v[0].port, "first");
	leave(s, &f);
	drop_values(v);
}

/* One grace is for all: the session of each row is asked at once. */
static void
a_stop_ends_the_sessions_of_all_rows(void **state)
{
	struct fake f = { .words = "" };
	struct daemon_ports ports = { .n = 0 };
	struct services *s = NULL;
	struct stream *guest[3] = { NULL };
	struct line line;
	struct err e;

	struct values *v =
	    read_values(*state, "[second]\nlisten = 127.0.0.1:0\n"
				"[third]\nlisten = 127.0.0.1:0\n");
	assert_int_equal(services_new(&s, rows, &f, &e), 0);
	assert_int_equal(services_bind(s, v, &v->tls, &ports, &e), 0);
	assert_int_equal(services_open(s, &e), 0);
	assert_int_equal(services_start(s, &e), 0);
	assert_int_equal(ports.n, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(net_dial(&guest[i], "127.0.0.1",
					  ports.v[i].port, soon(), NULL, &e),
				 0);
		assert_int_equal(
		    stream_read_line(guest[i], 100, soon(), &line, &e), 0);
	}
	services_drain(s);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(
		    stream_read_line(guest[i], 100, soon(), &line, &e), -1);
		stream_free(&guest[i]);
		assert_int_equal(net_dial(&guest[i], "127.0.0.1",
					  ports.v[i].port, soon(), NULL, &e),
				 -1);
	}
	services_stop(s, soon());
	leave(s, &f);
	drop_values(v);
}

static void
a_row_that_fails_leaves_nothing(void **state)
{
	struct fake f = { .fails = true };
	struct daemon_ports ports = { .n = 0 };
	struct services *s = NULL;
	struct err e;

	struct values *v = read_values(*state, "");
	assert_int_equal(services_new(&s, rows, &f, &e), 0);
	assert_int_equal(services_bind(s, v, &v->tls, &ports, &e), 0);
	assert_int_equal(services_open(s, &e), -1);
	assert_string_equal(e.msg, "no second today");
	assert_int_equal(f.open, 1);
	leave(s, &f);
	drop_values(v);
	/* 192.0.2.1 is nobody's (RFC 5737) */
	v = read_values(*state, "[third]\nlisten = 192.0.2.1:0\n");
	assert_int_equal(services_new(&s, rows, &f, &e), 0);
	assert_int_equal(services_bind(s, v, &v->tls, &ports, &e), -1);
	assert_non_null(strstr(e.msg, "192.0.2.1:0"));
	leave(s, &f);
	drop_values(v);
	/* a server that failed before it had any */
	services_drain(NULL);
	services_stop(NULL, 0);
}

static void
a_check_names_what_is_wrong_in_any_row(void **state)
{
	static const struct {
		const char *text, *told;
	} all[] = {
		{ "[third]\nproxy-from = 10.0.0.1/8\n",
		  "conf: [third] proxy-from" },
		{ "[second]\nproxy-from = x\n", "conf: [second] proxy-from" },
		{ "[second]\nlisten-tls = 127.0.0.1:0\n",
		  "conf: listen-tls: needs [tls] certificate" },
		{ "[tls]\ncertificate = /nowhere\n", "conf: " },
	};
	struct err e;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct values *v = read_values(*state, all[i].text);
		assert_int_equal(services_check("conf", rows, v, &v->tls, &e),
				 -1);
		assert_int_equal(
		    strncmp(e.msg, all[i].told, strlen(all[i].told)), 0);
		assert_int_equal(e.class, ERR_PERM);
		drop_values(v);
	}
}

static int
make_directory(void **state)
{
	static char dir[] = "/tmp/test_services.XXXXXX";

	(void)umask(077); /* a key that others may read is refused */
	*state = mkdtemp(dir);
	return *state == NULL ? -1 : 0;
}

static int
remove_directory(void **state)
{
	static const char *const files[] = { "mx.crt", "mx.key" };
	char path[200];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s",
			       (const char *)*state, files[i]);
		(void)unlink(path);
	}
	return rmdir(*state); /* the socket has gone by itself */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_served_by_its_own_engine),
		cmocka_unit_test(what_listens_nowhere_is_opened_all_the_same),
		cmocka_unit_test(a_stop_ends_the_sessions_of_all_rows),
		cmocka_unit_test(a_row_that_fails_leaves_nothing),
		cmocka_unit_test(a_check_names_what_is_wrong_in_any_row),
	};
	struct err e;

	if (log_open("/dev/null", LOG_ERROR, &e) != 0)
		return 1;
	return cmocka_run_group_tests_name("net/services", tests,
					   make_directory, remove_directory);
}
