#include "../test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/durable.h"
#include "shell/contacts.h"
#include "shell/redact.h"
#include "shell/status.h"
#include "shell/user_file.h"
#include "shell/vars.h"

static void
names_stand_for_addresses(void **state)
{
	struct contacts c = { 0 };
	struct err e;
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	assert_int_equal(contacts_parse(&c,
					span_of("# mine\n\nbob bob@xyz.com "
						"Bob Builder\r\n"
						"carol carol@xyz.com"),
					"contacts", NULL, &e),
			 0);
	assert_int_equal(contacts_resolve(&c,
					  span_of("BOB, carol,\"a, b\" "
						  "<d@e.org>"),
					  &b, &e),
			 0);
	assert_span(buf_span(&b), "\"Bob Builder\" <bob@xyz.com>, "
				  "carol@xyz.com, \"a, b\" <d@e.org>");
	assert_int_equal(contacts_resolve(&c, span_of("dave"), &b, &e), -1);
	assert_non_null(strstr(e.msg, "dave"));
	assert_int_equal(contacts_remove(&c, span_of("Bob")), 1);
	assert_int_equal(contacts_remove(&c, span_of("bob")), 0);
	contacts_free(&c);
	buf_free(&b);
}

static void
bad_lines_are_named(void **state)
{
	static const char *const bad[] = {
		"x\n",           "x y\n",
		"a,b a@b.org\n", "-x a@b.org\n",
		"x a@b@c\n",     "x a@b.org \"q\"\n",
		"x@y a@b.org\n", "x a@b.org \x01\n",
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct contacts c = { 0 };
		struct buf b, named;

		buf_init(&b, 1000);
		buf_init(&named, 1000);
		assert_int_equal(
		    buf_addf(&b, "ok a@b.org\n%sbehind b@b.org\n", bad[i]), 0);
		assert_int_equal(
		    contacts_parse(&c, buf_span(&b), "f", &named, &e), 1);
		assert_span(span_head(buf_span(&named), 5), "f:2: ");
		buf_free(&named);
		/* the others are there, also those behind it */
		assert_int_equal(c.n, 2);
		assert_non_null(contacts_find(&c, span_of("behind")));
		contacts_free(&c);
		buf_free(&b);
	}
}

static void
every_bad_line_is_named(void **state)
{
	struct contacts c = { 0 };
	struct buf b, named;
	struct err e;

	(void)state;
	buf_init(&b, 1000);
	buf_init(&named, 10000);
	for (unsigned i = 0; i < CONTACTS_NAMED_MAX + 2; i++)
		assert_int_equal(buf_addf(&b, "n%u a@b.org\nbad\n", i), 0);
	assert_int_equal(contacts_parse(&c, buf_span(&b), "f", &named, &e),
			 CONTACTS_NAMED_MAX + 2);
	assert_int_equal(c.n, CONTACTS_NAMED_MAX + 2);
	struct span rest = buf_span(&named), line;
	for (int i = 0; i < CONTACTS_NAMED_MAX; i++) {
		char want[40];

		(void)snprintf(want, sizeof(want), "f:%d: no address",
			       2 * i + 2);
		assert_true(user_file_line(&rest, &line, 0));
		assert_span(line, want);
	}
	assert_int_equal(rest.n, 0);
	contacts_free(&c);
	buf_free(&b);
	buf_free(&named);
}

/* A contact is taken out of the middle: what is behind it moves, and nothing
 * beyond the last is touched (a page that cannot be read lies there). */
static void
any_contact_can_be_removed(void **state)
{
	static const char *const names[] = { "ann", "bob", "eve" };
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	(void)state;
	for (size_t gone = 0; gone < 3; gone++) {
		char *two = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		struct contacts c = { .n = 3 };
		size_t left = 0;

		assert_true(two != MAP_FAILED);
		assert_int_equal(mprotect(two + page, page, PROT_NONE), 0);
		c.v = (void *)(two + page - 3 * sizeof(*c.v));
		for (size_t i = 0; i < 3; i++)
			c.v[i] =
			    (struct contact){ strdup(names[i]),
					      strdup("a@b.org"), strdup("") };
		assert_int_equal(contacts_remove(&c, span_of(names[gone])), 1);
		assert_int_equal(c.n, 2);
		for (size_t i = 0; i < 3; i++)
			if (i != gone)
				assert_string_equal(c.v[left++].name, names[i]);
		for (size_t i = 0; i < 2; i++) {
			free(c.v[i].name);
			free(c.v[i].address);
			free(c.v[i].full);
		}
		assert_int_equal(munmap(two, 2 * page), 0);
	}
}

/* ---- the file -------------------------------------------------------------
 */

static int
make_dir(void **state)
{
	char *name = strdup("/tmp/test_contacts.XXXXXX");

	*state = name == NULL ? NULL : mkdtemp(name);
	return *state == NULL ? -1 : 0;
}

static int
remove_dir(void **state)
{
	static const char *const names[] = { "contacts", "contacts.lock",
					     "elsewhere", "elsewhere.lock" };
	char path[100];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", (char *)*state,
			       names[i]);
		(void)unlink(path);
	}
	int rc = rmdir(*state);

	free(*state);
	return rc;
}

static int
change_file(const char *path, const char *name, const char *address)
{
	struct span who = span_of(name);
	const struct contacts_change x = { .name = &who,
					   .n_names = 1,
					   .add = address != NULL,
					   .address = span_of(address) };
	struct contacts c = { 0 };
	struct err e = { 0 };
	int rc = contacts_change_file(&c, path, &x, &e);

	if (rc != 0 && address == NULL)
		assert_int_equal(e.class, ERR_PERM);
	contacts_free(&c);
	return rc;
}

static void
put_file(const char *path, struct span text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text.p, 1, text.n, f), text.n);
	assert_int_equal(fclose(f), 0);
}

static void
assert_file(const char *path, const char *want)
{
	struct err e;
	char *text;
	size_t n;

	assert_int_equal(
	    durable_read_file(AT_FDCWD, path, 100000, &text, &n, &e), 0);
	assert_span(span_make(text, n), want);
	free(text);
}

static void
other_lines_stay_byte_for_byte(void **state)
{
	char path[100], target[100];

	(void)snprintf(path, sizeof(path), "%s/contacts", (char *)*state);
	(void)snprintf(target, sizeof(target), "%s/elsewhere", (char *)*state);
	put_file(path, span_of("# mine\r\n  bob  bob@xyz.com\tBob  B.\n"
			       "carol c@@d\xff\x01\n\nbob nowhere\n"
			       "eve eve@xyz.com"));
	assert_int_equal(change_file(path, "dan", "dan@abc.com"), 0);
	assert_file(path, "# mine\r\n  bob  bob@xyz.com\tBob  B.\n"
			  "carol c@@d\xff\x01\n\nbob nowhere\n"
			  "eve eve@xyz.com\ndan dan@abc.com\n");
	assert_int_equal(change_file(path, "BOB", "b@abc.com"), 0);
	assert_file(path, "# mine\r\ncarol c@@d\xff\x01\n\nbob nowhere\n"
			  "eve eve@xyz.com\ndan dan@abc.com\n"
			  "BOB b@abc.com\n");
	assert_int_equal(change_file(path, "eve", NULL), 0);
	/* whoever is not there, and a line that is no contact */
	assert_int_equal(change_file(path, "eve", NULL), -1);
	assert_int_equal(change_file(path, "carol", NULL), -1);
	assert_file(path, "# mine\r\ncarol c@@d\xff\x01\n\nbob nowhere\n"
			  "dan dan@abc.com\nBOB b@abc.com\n");
	/* a file that is kept elsewhere stays there */
	assert_int_equal(rename(path, target), 0);
	assert_int_equal(symlink("elsewhere", path), 0);
	assert_int_equal(change_file(path, "dan", NULL), 0);
	assert_file(target, "# mine\r\ncarol c@@d\xff\x01\n\nbob nowhere\n"
			    "BOB b@abc.com\n");
	assert_int_equal(unlink(path), 0);
}

/* Two shells at the same time: nobody's contact is lost. */
static void
changes_of_two_shells_are_kept(void **state)
{
	struct contacts c = { 0 };
	struct err e = { 0 };
	char path[100], name[20];
	pid_t child[2];
	int status;

	(void)snprintf(path, sizeof(path), "%s/contacts", (char *)*state);
	for (int who = 0; who < 2; who++) {
		child[who] = fork();
		assert_true(child[who] >= 0);
		for (int i = 0; child[who] == 0 && i < 20; i++) {
			(void)snprintf(name, sizeof(name), "n%d-%d", who, i);
			if (change_file(path, name, "a@b.org") != 0)
				_exit(1);
		}
		if (child[who] == 0)
			_exit(0);
	}
	for (int who = 0; who < 2; who++) {
		assert_int_equal(waitpid(child[who], &status, 0), child[who]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(contacts_load(&c, path, NULL, &e), 0);
	assert_int_equal(c.n, 40);
	contacts_free(&c);
}

static void
passwords_are_never_shown(void **state)
{
	static const struct {
		const char *line, *want;
	} t[] = {
		{ "login a@b --password secret --smtp h",
		  "login a@b --password *** --smtp h" },
		{ "login --password=secret", "login --password=***" },
		{ "login --password 'two words' x", "login --password *** x" },
		{ "login --password \"a\\\" b\"; list",
		  "login --password ***; list" },
		{ "login --password", "login --password" },
		{ "login --password-fd 3", "login --password-fd 3" },
		{ "a --password x; b --password y",
		  "a --password ***; b --password ***" },
		{ "list", "list" },
		/* shortened, misspelt, in other forms */
		{ "login a@b --pass s3cret", "login a@b --pass ***" },
		{ "login a@b --p s3cret", "login a@b --p ***" },
		{ "login a@b -p s3cret", "login a@b -p ***" },
		{ "login a@b --passwrd s3cret", "login a@b --passwrd ***" },
		{ "login a@b --pasword=s3cret", "login a@b --pasword=***" },
		{ "login a@b --PASSWORD s3cret", "login a@b --PASSWORD ***" },
		{ "login a@b \"--pass\"word s3cret",
		  "login a@b \"--pass\"word ***" },
		{ "login a@b --psswrd 'two words' --smtp h",
		  "login a@b --psswrd *** --smtp h" },
		{ "login a@b --geheim s3cret", "login a@b --geheim ***" },
		{ "lgoin a@b --pw s3cret", "lgoin a@b --pw ***" },
		{ "log a@b --passw s3cret", "log a@b --passw ***" },
		{ "login a@b s3cret", "login a@b ***" },
		{ "try login a@b s3cret --pop3 h",
		  "try login a@b *** --pop3 h" },
		{ "login a@b --password-command 'echo s3cret'",
		  "login a@b --password-command ***" },
		{ "auth plain AGFiYwBzM2NyZXQ=", "auth *** ***" },
		{ "auth a@b s3cret", "auth a@b ***" },
		{ "login a@b:s3cret", "login a@b:***" },
		{ "login a:s3cret@b --tls", "login a:*** --tls" },
		{ "MAILSH_PASSWORD=s3cret", "MAILSH_PASSWORD=***" },
		{ "! grep -w x f; ! sshpass -p s3cret ssh h",
		  "! grep -w x f; ! sshpass -p *** ssh h" },
		{ "password s3cret", "password ***" },
		{ "passwd s3cret", "passwd ***" },
		{ "set password s3cret", "set password ***" },
		{ "set pass s3cret", "set pass ***" },
		{ "let password s3cret", "let password ***" },
		{ "let MyPw s3cret", "let MyPw ***" },
		{ "list; login a@b --pwd s3cret; list",
		  "list; login a@b --pwd ***; list" },
		{ "list --passwd s3cret", "list --passwd ***" },
		{ "let x $(login a@b --pass s3cret)",
		  "let x $(login a@b --pass ***" },
		{ "! MAILSH_PASSWORD=s3cret mailsh",
		  "! MAILSH_PASSWORD=*** mailsh" },
		{ "! curl --password s3cret h", "! curl --password *** h" },
		/* what is no secret stays, so that it can be called up again */
		{ "login a@b --smtp h:25 --pop3=h --tls --pin none",
		  "login a@b --smtp h:25 --pop3=h --tls --pin none" },
		{ "login a@b --sm h --po h --plain",
		  "login a@b --sm h --po h --plain" },
		{ "login a@b --password-command 'pass show x'",
		  "login a@b --password-command 'pass show x'" },
		{ "set format json", "set format json" },
		{ "set ca ~/ca.crt", "set ca ~/ca.crt" },
		{ "let n $(count unread)", "let n $(count unread)" },
		{ "compose bob -s 'a; b' --body \"x y\" --attach f",
		  "compose bob -s 'a; b' --body \"x y\" --attach f" },
		{ "read 3 --part 2 --headers all",
		  "read 3 --part 2 --headers all" },
		{ "lst from:bob", "lst from:bob" },
		{ "save last '*.pdf' --to ~/bills",
		  "save last '*.pdf' --to ~/bills" },
		{ "list subject:~^re | grep x", "list subject:~^re | grep x" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct buf b;

		buf_init(&b, 1000);
		assert_int_equal(redact_line(span_of(t[i].line), &b), 0);
		assert_span(buf_span(&b), t[i].want);
		buf_free(&b);
	}
}

static void
replies_have_their_status(void **state)
{
	static const struct {
		int code;
		enum shell_status want;
	} t[] = {
		{ 250, SHELL_OK },      { 354, SHELL_OK },
		{ 421, SHELL_LATER },   { 450, SHELL_LATER },
		{ 452, SHELL_LATER },   { 550, SHELL_REFUSED },
		{ 535, SHELL_AUTH },    { 530, SHELL_AUTH },
		{ 554, SHELL_REFUSED },
	};
	struct failure f;
	const struct err lost = { .class = ERR_CLOSED, .msg = "gone" };
	const struct err late = { .class = ERR_TIMEOUT, .msg = "late" };
	const struct err stop = { .class = ERR_STOP };
	const struct err bad = { .class = ERR_PROTO, .msg = "a\x1b[2Jb" };

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		assert_int_equal(status_of_code(t[i].code), t[i].want);
	assert_int_equal(failure_from_err(&f, &lost), SHELL_NO_LINK);
	assert_int_equal(failure_from_err(&f, &late), SHELL_TIMEOUT);
	assert_int_equal(failure_from_err(&f, &stop), SHELL_INTERRUPTED);
	assert_string_equal(f.symbol, "interrupted");
	assert_int_equal(failure_from_local(&f, &late), SHELL_LOCAL);
	/* A server's words never steer the terminal. */
	(void)failure_from_err(&f, &bad);
	assert_string_equal(f.text, "a?[2Jb");
}

static void
variables_keep_their_last_value(void **state)
{
	struct vars v = { 0 };
	struct err e;

	(void)state;
	assert_null(vars_get(&v, span_of("x")));
	assert_int_equal(vars_set(&v, span_of("x"), span_of("1"), &e), 0);
	assert_int_equal(vars_set(&v, span_of("y"), span_of(""), &e), 0);
	assert_int_equal(vars_set(&v, span_of("x"), span_of("2"), &e), 0);
	assert_string_equal(vars_get(&v, span_of("x")), "2");
	assert_string_equal(vars_get(&v, span_of("y")), "");
	vars_free(&v);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_stand_for_addresses),
		cmocka_unit_test(bad_lines_are_named),
		cmocka_unit_test(every_bad_line_is_named),
		cmocka_unit_test(any_contact_can_be_removed),
		cmocka_unit_test_setup_teardown(other_lines_stay_byte_for_byte,
						make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(changes_of_two_shells_are_kept,
						make_dir, remove_dir),
		cmocka_unit_test(passwords_are_never_shown),
		cmocka_unit_test(replies_have_their_status),
		cmocka_unit_test(variables_keep_their_last_value),
	};

	return cmocka_run_group_tests_name("shell/contacts", tests, NULL, NULL);
}
