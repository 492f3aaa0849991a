#include "milter_play.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "mail/header.h"
#include "milter/milter_filter.h"
#include "milter/milter_packet.h"

void
milter_play_must(bool ok, const char *what, const char *file, int line)
{
	if (ok)
		return;
	(void)fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
	abort();
}

void
milter_play_reply(const struct smtp_reply *r)
{
	milter_play_check(r->code >= 200 && r->code <= 599);
	for (const char *p = r->text; *p != '\0'; p++)
		milter_play_check((unsigned char)*p >= 0x20 || *p == '\n' ||
				  *p == '\t');
}

/* ---- the milter -----------------------------------------------------------
 */

struct liar {
	int listener;
	struct wake stop;
	struct span script;
	int asked;
};

static char directory[] = "/tmp/milter-play-XXXXXX";
static char path[64];

static void
remove_socket(void)
{
	(void)unlink(path);
	(void)rmdir(directory);
}

static int
listen_once(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	milter_play_check(mkdtemp(directory) != NULL);
	(void)snprintf(path, sizeof(path), "%s/s", directory);
	(void)atexit(remove_socket);
	(void)snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	milter_play_check(fd >= 0);
	milter_play_check(bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0);
	milter_play_check(listen(fd, 16) == 0);
	return fd;
}

/* Wait for fd; false when it is to end. */
static bool
await(const struct liar *m, int fd)
{
	struct pollfd p[2] = { { .fd = fd, .events = POLLIN },
			       { .fd = wake_fd(&m->stop), .events = POLLIN } };

	return poll(p, 2, -1) > 0 && p[1].revents == 0;
}

static bool
read_all(const struct liar *m, int fd, char *p, size_t n)
{
	while (n > 0) {
		if (!await(m, fd))
			return false;
		ssize_t got = recv(fd, p, n, 0);
		if (got <= 0)
			return false;
		p += got;
		n -= (size_t)got;
	}
	return true;
}

/* The next thing asked: its letter, or 0 at the end. */
static char
next_question(const struct liar *m, int fd)
{
	unsigned char head[5];
	char dropped[4096];

	for (;;) {
		if (!read_all(m, fd, (char *)head, sizeof(head)))
			return 0;
		uint32_t left = 0;
		for (int i = 0; i < 4; i++)
			left = left << 8 | head[i];
		milter_play_check(left >= 1 && left <= MILTER_DATA_MAX + 1);
		for (left--; left > 0;) {
			size_t n =
			    left < sizeof(dropped) ? left : sizeof(dropped);
			if (!read_all(m, fd, dropped, n))
				return 0;
			left -= (uint32_t)n;
		}
		if (head[4] != MILTER_MACRO && head[4] != MILTER_ABORT)
			return (char)head[4];
	}
}

/* 1: it ends in a last word; 0: more is needed; -1: half a packet. */
static int
is_answer(struct span text)
{
	struct span packet;
	struct err e;
	int last = 0;

	while (text.n > 0) {
		if (milter_packet_take(&text, &packet, &e) != 1)
			return -1;
		last = packet.p[0] != MILTER_PROGRESS &&
		       !milter_answer_is_edit((enum milter_answer)packet.p[0]);
	}
	return last;
}

static bool
answer(struct liar *m, int fd)
{
	int said = 0;

	m->asked++;
	while (said == 0) {
		if (m->script.n == 0)
			return false;
		size_t n = (unsigned char)m->script.p[0];
		struct span text = span_head(span_skip(m->script, 1), n);
		m->script = span_skip(m->script, 1 + n);
		if (n == 0)
			return true;
		if (send(fd, text.p, text.n, MSG_NOSIGNAL) != (ssize_t)text.n)
			return false;
		said = is_answer(text);
	}
	return said > 0;
}

static void
serve(void *arg)
{
	struct liar *m = arg;

	while (await(m, m->listener)) {
		int fd = accept(m->listener, NULL, NULL);
		if (fd < 0)
			return;
		char asked = 1;
		while (asked != 0 && asked != MILTER_QUIT) {
			asked = next_question(m, fd);
			if (asked != 0 && asked != MILTER_QUIT &&
			    !answer(m, fd))
				break;
		}
		(void)close(fd);
	}
}

/* ---- two messages ---------------------------------------------------------
 */

/* As the engine does it. */
struct caller {
	struct milter_play *play;
	const struct smtp_server_ops *ops;
	struct milter_filter *filter;
	struct smtp_client_info c;
	struct smtp_recorder recorder;
	struct smtp_txn txn;
	struct smtp_txn_rcpt rcpt[4];
	struct arena arena;
};

static bool
accepted(struct caller *x, const struct smtp_reply *r)
{
	milter_play_reply(r);
	x->play->last_code = r->code;
	return r->code < 300;
}

static bool
add_rcpt(struct caller *x, const char *address)
{
	struct smtp_txn_rcpt *slot = &x->rcpt[x->txn.n_recipients];
	struct smtp_reply r = { 0 };

	*slot = (struct smtp_txn_rcpt){ .canonical = address, .text = address };
	x->ops->on_rcpt(x->filter, &x->c, &x->txn, slot, &r);
	if (accepted(x, &r))
		x->txn.n_recipients++;
	return r.code != 421;
}

static void
give_text(struct caller *x)
{
	static const char text[] = "From: a@abc.com\r\nX: 1\r\nX: 2\r\n"
				   " folded\r\n\r\nhello\r\n";
	struct smtp_reply r = { 0 };
	int stored = x->recorder.stored;
	struct err e = { 0 };

	x->ops->on_data(x->filter, &x->c, &x->txn, &r);
	if (!accepted(x, &r))
		return;
	struct span rest = span_of(text);
	size_t header = (size_t)header_block_end(rest);
	if (x->ops->on_header(x->filter, &x->txn, span_head(rest, header), true,
			      &e) != 0)
		return;
	for (rest = span_skip(rest, header); rest.n > 0;
	     rest = span_skip(rest, 4)) {
		if (x->ops->on_body(x->filter, &x->txn, span_head(rest, 4),
				    &e) != 0)
			return;
	}
	r = (struct smtp_reply){ 0 };
	x->ops->on_end(x->filter, &x->c, &x->txn, &r);
	stored = x->recorder.stored - stored;
	milter_play_check(stored == 0 || stored == 1);
	if (!accepted(x, &r))
		milter_play_check(stored == 0);
	/* "Stored as": the policy's own words, else it was dropped */
	else
		milter_play_check((strncmp(r.text, "Stored", 6) == 0) ==
				  (stored > 0));
}

static void
message(struct caller *x)
{
	struct smtp_reply r = { 0 };

	arena_init(&x->arena, SMTP_TXN_ARENA_BYTES);
	x->txn = (struct smtp_txn){ .id = "0123456789abcdef",
				    .reverse_path = "a@abc.com",
				    .reverse_text = "a@abc.com",
				    .declared_size = -1,
				    .recipients = x->rcpt,
				    .arena = &x->arena };
	x->ops->on_mail(x->filter, &x->c, &x->txn, &r);
	if (accepted(x, &r)) {
		if (add_rcpt(x, "bob@xyz.com") &&
		    add_rcpt(x, "nobody@xyz.com") &&
		    add_rcpt(x, "carol@xyz.com") && x->txn.n_recipients > 0)
			give_text(x);
		x->ops->on_reset(x->filter, &x->txn);
	}
	arena_reset(&x->arena);
}

/* Nothing that another server could read in another way. */
static void
check_stored(struct span all)
{
	while (all.n > 0) {
		long lf = span_find(all, '\n', 0);
		uint64_t n = 0;
		milter_play_check(
		    lf > 0 && span_u64(span_head(all, (size_t)lf), &n) == 0);
		all = span_skip(all, (size_t)lf + 1);
		struct span text = span_head(all, (size_t)n);
		all = span_skip(all, (size_t)n);
		milter_play_check(text.n >= 2 && text.p[text.n - 1] == '\n');
		for (size_t i = 0; i < text.n; i++) {
			bool cr = text.p[i] == '\r', nl = text.p[i] == '\n';
			milter_play_check(text.p[i] != '\0');
			milter_play_check(
			    !cr || (i + 1 < text.n && text.p[i + 1] == '\n'));
			milter_play_check(!nl ||
					  (i > 0 && text.p[i - 1] == '\r'));
		}
	}
}

static void
talk(struct caller *x)
{
	struct smtp_reply r = { 0 };

	x->ops->on_connect(x->filter, &x->c, &r);
	if (accepted(x, &r)) {
		r = (struct smtp_reply){ 0 };
		x->ops->on_helo(x->filter, &x->c, "client", true, &r);
		if (accepted(x, &r))
			x->c.helo = "client";
		reply_set(&r, 500, "5.5.1", "Unknown");
		x->ops->on_unknown(x->filter, &x->c, span_of("XYZZY"), &r);
		milter_play_reply(&r);
		message(x);
		message(x);
	}
	x->ops->on_disconnect(x->filter, &x->c);
}

static void
run(struct caller *x)
{
	char line[240], name[] = "m";
	struct option_pair pair = { .name = name, .value = line };
	const struct option_map section = { &pair, 1 };
	char *names[] = { name };
	const struct option_list list = { names, 1 };
	struct milter_filter_options o = { .policy = &smtp_recorder_ops,
					   .policy_ctx = &x->recorder,
					   .hostname = "mx",
					   .dirfd = -1,
					   .size_max = 64 * 1024 };
	struct milter_setup *setup = NULL;
	int ms = x->play->timeout_ms;
	struct err e;

	(void)snprintf(line, sizeof(line),
		       "unix:%s default=%s connect-timeout=%dms"
		       " command-timeout=%dms content-timeout=%dms"
		       " end-timeout=%dms",
		       path, x->play->fallback, ms, ms, ms, ms);
	milter_play_check(
	    milter_setup_new(&setup, "conf", &section, "smtp", &list, &e) == 0);
	milter_play_check(milter_filter_new(&x->filter, &o, &e) == 0);
	milter_filter_use(x->filter, &setup);
	x->ops = milter_filter_ops(x->filter);
	if (x->play->hook != NULL)
		x->play->hook(true);
	talk(x);
	if (x->play->hook != NULL)
		x->play->hook(false);
	milter_filter_free(&x->filter);
}

static void
check_policy(const struct smtp_recorder *r)
{
	milter_play_check(r->broken == NULL);
	milter_play_check(!r->open);
	milter_play_check(r->mails == r->resets);
	milter_play_check(r->connects == r->disconnects);
	check_stored(buf_span(&r->messages));
}

void
milter_play(struct milter_play *p)
{
	static int listener = -1;
	struct liar m = { .script = p->script };
	struct caller x = { .play = p,
			    .c = { .session = "s",
				   .address = "192.0.2.1",
				   .name = "client.test",
				   .helo = "",
				   .login = "",
				   .mechanism = "",
				   .kill = p->stop } };
	pthread_t thread;
	struct err e;

	if (listener < 0)
		listener = listen_once();
	milter_play_check(log_open("/dev/null", LOG_ERROR, &e) == 0);
	m.listener = listener;
	milter_play_check(wake_init(&m.stop, &e) == 0);
	milter_play_check(thread_start_joinable(&thread, serve, &m, &e) == 0);
	smtp_recorder_init(&x.recorder);
	/* what it writes down is not what is tested: no memory is asked for */
	milter_play_check(buf_reserve(&x.recorder.messages, 300000) == 0 &&
			  buf_reserve(&x.recorder.text, 300000) == 0 &&
			  buf_reserve(&x.recorder.events, 64000) == 0);
	run(&x);
	wake_raise(&m.stop);
	milter_play_check(pthread_join(thread, NULL) == 0);
	wake_close(&m.stop);
	p->stored = x.recorder.stored;
	p->asked = m.asked;
	check_policy(&x.recorder);
	smtp_recorder_clear(&x.recorder);
}
