#include "wire.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/durable.h"
#include "base/log.h"

enum { TEXT_MAX = 64 * 1024 * 1024, FILE_MAX = 1024 * 1024, FILES_MAX = 500 };

/* One transcript being played. */
struct play {
	const struct wire_protocol *protocol;
	void *service;
	struct wire_session session;
	bool running;
	struct buf text;
};

static int
start(struct play *t, struct err *e)
{
	if (t->running)
		return 0;
	if (wire_open(&t->session, t->service, t->protocol->serve,
		      t->protocol->client) != 0)
		return err_set(e, ERR_TEMP, errno, "cannot start a session");
	t->running = true;
	return 0;
}

static int
expect_close(struct play *t, struct err *e)
{
	struct span line;

	if (wire_line(&t->session, &line, e) == 0)
		return err_set(e, ERR_PROTO, 0,
			       "expected a close, got \"%.*s\"",
			       SPAN_ARG(line));
	return e->class == ERR_CLOSED ? 0 : -1;
}

static bool
begins(struct span line, struct span item)
{
	struct span text = span_skip(line, 4);

	return span_starts_nocase(text, item);
}

/* Read one reply; every line into `lines`, separated by LF. */
static int
read_reply(struct play *t, struct buf *lines, struct err *e)
{
	struct span line;

	do {
		if (wire_line(&t->session, &line, e) != 0)
			return -1;
		if (buf_add_span(lines, line) != 0 ||
		    buf_add_char(lines, '\n') != 0)
			return err_set(e, ERR_LIMIT, 0, "reply too long");
	} while (!t->protocol->last_line(line));
	return 0;
}

static bool
some_line_begins(struct span lines, struct span item)
{
	while (lines.n > 0) {
		long lf = span_find(lines, '\n', 0);
		if (begins(span_head(lines, (size_t)lf), item))
			return true;
		lines = span_skip(lines, (size_t)lf + 1);
	}
	return false;
}

/* expect CODE [WORD ...] [has A, B]. */
static int
check_reply(struct span want, struct span lines, struct err *e)
{
	struct span first = span_head(lines, (size_t)span_find(lines, '\n', 0));
	struct span have = first, code = span_word(&want);

	if (!span_eq(span_head(have, code.n), code))
		goto wrong;
	have = span_skip(have, code.n + 1);
	for (struct span word; (word = span_word(&want)).n > 0;) {
		if (span_eq(word, span_of("has")))
			break;
		if (!span_eq(span_word(&have), word))
			goto wrong;
	}
	want = span_trim(want);
	while (want.n > 0) {
		long comma = span_find(want, ',', 0);
		size_t n = comma < 0 ? want.n : (size_t)comma;
		struct span item = span_trim(span_head(want, n));
		if (!some_line_begins(lines, item))
			return err_set(e, ERR_PROTO, 0, "no line \"%.*s\"",
				       SPAN_ARG(item));
		want = span_skip(want, n + 1);
	}
	return 0;
wrong:
	return err_set(e, ERR_PROTO, 0, "got \"%.*s\"", SPAN_ARG(first));
}

static int
expect(struct play *t, struct span want, struct err *e)
{
	struct buf lines;

	if (span_eq(span_trim(want), span_of("close")))
		return expect_close(t, e);
	buf_init(&lines, 256 * 1024);
	int rc = read_reply(t, &lines, e);
	if (rc == 0)
		rc = check_reply(want, buf_span(&lines), e);
	buf_free(&lines);
	return rc;
}

static int
send_text(struct play *t, struct span text, const char *end, struct err *e)
{
	if (wire_unescape(text, &t->text) != 0 ||
	    buf_add_str(&t->text, end) != 0)
		return err_set(e, ERR_BUG, 0, "bad escape");
	(void)wire_send(&t->session, buf_span(&t->text));
	return 0;
}

static int
expect_line(struct play *t, struct span pattern, struct err *e)
{
	struct span line;

	if (wire_line(&t->session, &line, e) != 0)
		return -1;
	if (wire_match(pattern, line))
		return 0;
	return err_set(e, ERR_PROTO, 0, "got \"%.*s\"", SPAN_ARG(line));
}

static int
shake_hands(struct play *t, struct span want, struct err *e)
{
	int rc = wire_tls(&t->session, e);

	if (want.n == 0)
		return rc;
	if (!span_eq(want, span_of("fails")))
		return err_set(e, ERR_BUG, 0, "not a word for tls");
	return rc != 0 ? 0 : err_set(e, ERR_PROTO, 0, "TLS is on");
}

/* A line of the conversation; claims ("word: text") come later. */
static int
play_line(struct play *t, struct span line, struct err *e)
{
	struct span rest = line;
	struct span word = span_word(&rest);

	if (span_eq(word, span_of("set"))) {
		struct span key = span_word(&rest);
		if (t->running ||
		    t->protocol->set(t->service, key, span_trim(rest)) != 0)
			return err_set(e, ERR_BUG, 0, "bad set");
		return 0;
	}
	if (word.n == 0 || word.p[0] == '#' || word.p[word.n - 1] == ':')
		return 0;
	if (start(t, e) != 0)
		return -1;
	if (rest.n > 0)
		rest = span_skip(rest, 1);
	if (span_eq(word, span_of(">")))
		return send_text(t, rest, "\r\n", e);
	if (span_eq(word, span_of(">>")))
		return send_text(t, rest, "", e);
	if (span_eq(word, span_of("<")))
		return expect_line(t, rest, e);
	if (span_eq(word, span_of("expect")))
		return expect(t, rest, e);
	if (span_eq(word, span_of("tls")))
		return shake_hands(t, span_trim(rest), e);
	if (span_eq(word, span_of("drop")))
		wire_hang_up(&t->session);
	else if (span_eq(word, span_of("drain")))
		wake_raise(&t->session.drain);
	else if (span_eq(word, span_of("kill")))
		wake_raise(&t->session.kill);
	else
		return err_set(e, ERR_BUG, 0, "unknown word");
	return 0;
}

static int
check_line(struct play *t, struct span line, struct err *e)
{
	struct span rest = line;
	struct span word = span_word(&rest);

	if (word.n < 2 || word.p[word.n - 1] != ':' || word.p[0] == '#' ||
	    word.p[0] == '>' || word.p[0] == '<')
		return 0;
	if (rest.n > 0)
		rest = span_skip(rest, 1);
	if (wire_unescape(rest, &t->text) != 0)
		return err_set(e, ERR_BUG, 0, "bad escape");
	return t->protocol->check(t->service, span_head(word, word.n - 1),
				  buf_span(&t->text), e);
}

/* Every line through fn; stops at the first that fails, with its number. */
static int
each_line(struct play *t, struct span all,
	  int (*fn)(struct play *, struct span, struct err *), struct err *e)
{
	for (int number = 1; all.n > 0; number++) {
		long lf = span_find(all, '\n', 0);
		size_t n = lf < 0 ? all.n : (size_t)lf;
		struct span line = span_head(all, n);
		if (fn(t, line, e) != 0) {
			(void)err_prefix(e, "line %d: %.*s", number,
					 SPAN_ARG(span_head(line, 80)));
			return -1;
		}
		all = span_skip(all, n + 1);
	}
	return 0;
}

static int
play_file(const struct wire_protocol *p, const char *path, struct err *e)
{
	struct play t = { .protocol = p };
	char *text = NULL;
	size_t n = 0;

	if (durable_read_file(AT_FDCWD, path, FILE_MAX, &text, &n, e) != 0)
		return -1;
	buf_init(&t.text, TEXT_MAX);
	t.service = p->open();
	int rc = each_line(&t, span_make(text, n), play_line, e);
	if (t.running)
		wire_join(&t.session);
	if (rc == 0)
		rc = each_line(&t, span_make(text, n), check_line, e);
	if (rc == 0)
		rc = p->final(t.service, e);
	p->close(t.service);
	buf_free(&t.text);
	free(text);
	return rc;
}

static int
is_transcript(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return n > 2 && strcmp(d->d_name + n - 2, ".t") == 0;
}

static bool
play_point(const struct wire_protocol *p, const char *path, int number)
{
	struct err e = { 0 };
	const char *slash = strrchr(path, '/');
	const char *name = slash == NULL ? path : slash + 1;
	bool ok = play_file(p, path, &e) == 0;

	printf("%s %d - %s\n", ok ? "ok" : "not ok", number, name);
	if (!ok)
		printf("# %s: %s\n", path, e.msg);
	(void)fflush(stdout);
	return ok;
}

int
wire_main(const struct wire_protocol *p, const char *dir, int argc, char **argv)
{
	const char *top = getenv("top_srcdir");
	struct dirent **list = NULL;
	char path[1024];
	bool ok = true;
	struct err e;

	/* The engines' log lines would drown the TAP. */
	if (getenv("WIRE_LOG") == NULL &&
	    log_open("/dev/null", LOG_ERROR, &e) != 0)
		return 1;
	if (argc > 1) {
		printf("1..%d\n", argc - 1);
		for (int i = 1; i < argc; i++)
			ok &= play_point(p, argv[i], i);
		return ok ? 0 : 1;
	}
	(void)snprintf(path, sizeof(path), "%s/%s", top == NULL ? "." : top,
		       dir);
	int n = scandir(path, &list, is_transcript, alphasort);
	if (n <= 0 || n > FILES_MAX) {
		printf("Bail out! no transcripts in %s\n", path);
		return 1;
	}
	printf("1..%d\n", n);
	for (int i = 0; i < n; i++) {
		char file[1400];
		(void)snprintf(file, sizeof(file), "%s/%s", path,
			       list[i]->d_name);
		ok &= play_point(p, file, i + 1);
		free(list[i]);
	}
	free(list);
	return ok ? 0 : 1;
}
