/*
 * The session against a model of it: each byte of the input is a command, and
 * the reply must have the code that a small machine, written from the RFCs and
 * not from the engine, expects.  STARTTLS is a real handshake, XCLIENT a real
 * change of the client; chunks, messages and logins are whole.
 */
#include "fuzz.h"

#include <string.h>

#include "../unit/net/issue.h"
#include "../wire/smtp_recorder.h"
#include "../wire/wire.h"
#include "base/log.h"
#include "net/network.h"
#include "smtp/smtp_server.h"

enum { SIZE_LIMIT = 4096, RECIPIENTS = 3, COMMANDS_MAX = 60, OVER = 5000 };

enum { GOOD, NODATA, DISKFULL, LATE }; /* senders */

/* What the session is thought to be. */
struct model {
	enum { NOBODY, HELO, EHLO } hello;
	enum { READY, MAIL, RCPT, CHUNK } txn;
	/* whose policy says no: at DATA, while writing, at the end */
	int sender;
	int recipients, stored;
	bool tls, login, remote, closed;
	bool bytes; /* of the message have come in chunks */
	bool body;  /* the header has, too: from now on the policy writes */
};

static int
end_txn(struct model *m, int code)
{
	m->txn = READY;
	m->recipients = 0;
	m->bytes = m->body = false;
	return code;
}

/* 503 where a command has no place, else 0. */
static int
needs_ready(const struct model *m)
{
	return m->hello == NOBODY || m->txn != READY ? 503 : 0;
}

/* ---- what each command should get -----------------------------------------
 */

static int
hello(struct model *m, int how)
{
	m->hello = how == 'E' ? EHLO : HELO;
	return end_txn(m, 250);
}

static int
same(struct model *m, int code)
{
	(void)m;
	return code;
}

static int
rset(struct model *m, int code)
{
	return end_txn(m, code);
}

static int
quit(struct model *m, int code)
{
	m->closed = true;
	return end_txn(m, code);
}

static int
mail(struct model *m, int sender)
{
	if (needs_ready(m) != 0)
		return 503;
	m->txn = MAIL;
	m->sender = sender;
	return 250;
}

static int
mail_refused(struct model *m, int code)
{
	return needs_ready(m) != 0 ? 503 : code;
}

/* A parameter of an extension: code for an EHLO client, 555 for others. */
static int
mail_with(struct model *m, int code)
{
	if (needs_ready(m) != 0)
		return 503;
	if (m->hello != EHLO)
		return 555;
	return code == 250 ? mail(m, GOOD) : code;
}

static int
mail_requiretls(struct model *m, int code)
{
	if (needs_ready(m) != 0)
		return 503;
	return m->tls ? mail_with(m, code) : 555;
}

static int
rcpt(struct model *m, int code)
{
	if (m->hello == NOBODY || (m->txn != MAIL && m->txn != RCPT))
		return 503;
	if (code == 501)
		return 501;
	if (m->recipients >= RECIPIENTS)
		return 452;
	if (code == 250) {
		m->recipients++;
		m->txn = RCPT;
	}
	return code;
}

/* The text follows only after 354: see play_data. */
static int
data(struct model *m, int code)
{
	if (m->hello == NOBODY || (m->txn != MAIL && m->txn != RCPT))
		return 503;
	if (code == 501)
		return 501;
	if (m->recipients == 0)
		return 554;
	return m->sender == NODATA ? end_txn(m, 451) : 354;
}

static int
end_of_message(struct model *m, bool bytes)
{
	int code = m->sender == DISKFULL && bytes ? 452
		   : m->sender == LATE            ? 554
						  : 250;

	m->stored += code == 250;
	return end_txn(m, code);
}

enum { PLAIN = 1, LAST = 2, EMPTY = 4, BARE = 8, LARGE = 16, HEADER = 32 };

static int
bdat(struct model *m, int flags)
{
	if (m->hello == NOBODY || m->txn == READY)
		return 503;
	if (m->txn != CHUNK) {
		if (m->hello != EHLO)
			return end_txn(m, 503);
		if (m->recipients == 0)
			return end_txn(m, 554);
		if (m->sender == NODATA)
			return end_txn(m, 451);
	}
	if ((flags & LARGE) != 0)
		return end_txn(m, 552);
	if ((flags & BARE) != 0)
		return end_txn(m, 550);
	m->bytes = m->bytes || (flags & EMPTY) == 0;
	m->body = m->body || (flags & HEADER) != 0;
	if (m->sender == DISKFULL && m->body && (flags & EMPTY) == 0)
		return end_txn(m, 452);
	if ((flags & LAST) != 0)
		return end_of_message(m, m->bytes);
	m->txn = CHUNK;
	return 250;
}

static int
auth(struct model *m, int code)
{
	if (needs_ready(m) != 0)
		return 503;
	if (code == 0) /* no mechanism at all */
		return 501;
	if (m->hello != EHLO || m->login)
		return 503;
	if (m->remote && !m->tls)
		return 538;
	m->login = code == 235;
	return code;
}

/* 220: the handshake follows. */
static int
starttls(struct model *m, int code)
{
	if (needs_ready(m) != 0)
		return 503;
	if (code == 501)
		return 501;
	if (m->tls || m->hello != EHLO)
		return 503;
	m->tls = true;
	m->hello = NOBODY;
	m->login = false;
	return 220;
}

/* how: 'h' from here, 'r' from elsewhere, 'l' logged in, or a code. */
static int
xclient(struct model *m, int how)
{
	if (m->txn != READY)
		return 503;
	if (how == 501)
		return 501;
	m->hello = NOBODY;
	m->login = how == 'l';
	if (how != 'l')
		m->remote = how == 'r';
	return 220;
}

static int
queue(struct model *m, int code)
{
	if (needs_ready(m) != 0)
		return 503;
	if (code == 0) /* no argument */
		return 501;
	return m->login ? code : 530;
}

/* ---- commands -------------------------------------------------------------
 */

struct command {
	const char *text;
	int (*expect)(struct model *m, int with);
	int with;
};

static const struct command commands[] = {
	{ "EHLO c", hello, 'E' },
	{ "HELO c", hello, 'H' },
	{ "EHLO", same, 501 },
	{ "EHLO \"c\"", hello, 'E' },
	{ "LHLO c", same, 500 },
	{ "NOOP", same, 250 },
	{ "RSET", rset, 250 },
	{ "RSET now", same, 501 },
	{ "HELP", same, 214 },
	{ "VRFY bob", same, 252 },
	{ "EXPN list", same, 502 },
	{ "FROB", same, 500 },
	{ "", same, 500 },
	{ " NOOP", same, 500 },
	{ "QUIT", quit, 221 },
	{ "MAIL FROM:<alice@abc.com>", mail, GOOD },
	{ "mail from:<>", mail, GOOD },
	{ "MAIL FROM:<nodata@abc.com>", mail, NODATA },
	{ "MAIL FROM:<diskfull@abc.com>", mail, DISKFULL },
	{ "MAIL FROM:<late@abc.com>", mail, LATE },
	{ "MAIL FROM:<refused@abc.com>", mail_refused, 550 },
	{ "MAIL FROM:<temp@abc.com>", mail_refused, 451 },
	{ "MAIL FROM:alice", mail_refused, 501 },
	{ "MAIL", mail_refused, 501 },
	{ "MAIL FROM:<a@b.c> COLOUR=red", mail_refused, 555 },
	{ "MAIL FROM:<a@b.c> SIZE=10 BODY=8BITMIME", mail_with, 250 },
	{ "MAIL FROM:<a@b.c> SIZE=9999", mail_with, 552 },
	{ "MAIL FROM:<a@b.c> BODY=BINARYMIME", mail_with, 501 },
	{ "MAIL FROM:<j\xc3\xb6rg@b.c> SMTPUTF8", mail_with, 250 },
	{ "MAIL FROM:<j\xc3\xb6rg@b.c>", mail_refused, 553 },
	{ "MAIL FROM:<a@b.c> HOLDFOR=5", mail_with, 250 },
	{ "MAIL FROM:<a@b.c> HOLDFOR=5 HOLDFOR=5", mail_with, 501 },
	{ "MAIL FROM:<a@b.c> RET=HDRS ENVID=x", mail_with, 250 },
	{ "MAIL FROM:<a@b.c> REQUIRETLS", mail_requiretls, 250 },
	{ "RCPT TO:<bob@xyz.com>", rcpt, 250 },
	{ "RCPT TO:<postmaster>", rcpt, 250 },
	{ "RCPT TO:<nobody@xyz.com>", rcpt, 550 },
	{ "RCPT TO:<full@xyz.com>", rcpt, 452 },
	{ "RCPT TO:bob", rcpt, 501 },
	{ "RCPT", rcpt, 501 },
	{ "DATA", data, 354 },
	{ "DATA x", data, 501 },
	{ "BDAT 4\r\nhi\r\n", bdat, PLAIN },
	{ "BDAT 4 LAST\r\n.\r\n.", bdat, PLAIN | LAST },
	{ "BDAT 8\r\nQUIT\r\n\r\n", bdat, PLAIN | HEADER },
	{ "BDAT 0\r\n", bdat, EMPTY },
	{ "BDAT 0 LAST\r\n", bdat, EMPTY | LAST },
	{ "BDAT 3\r\na\nb", bdat, BARE },
	{ "BDAT 6 LAST\r\n\nQUIT\n", bdat, BARE | LAST },
	{ "BDAT 5000 LAST\r\n", bdat, LARGE | LAST },
	{ "BDAT many\r\n", quit, 501 },
	{ "BDAT -1 LAST\r\n", quit, 501 },
	{ "AUTH PLAIN AGFsaWNlQGFiYy5jb20Ac2VjcmV0", auth, 235 },
	{ "AUTH PLAIN AGFsaWNlQGFiYy5jb20AYmFk", auth, 501 },
	{ "AUTH FROB", auth, 504 },
	{ "AUTH", auth, 0 },
	{ "STARTTLS", starttls, 220 },
	{ "STARTTLS now", starttls, 501 },
	{ "XCLIENT ADDR=127.0.0.1", xclient, 'h' },
	{ "XCLIENT ADDR=192.0.2.7", xclient, 'r' },
	{ "XCLIENT LOGIN=alice+40abc.com", xclient, 'l' },
	{ "XCLIENT ADDR=nowhere", xclient, 501 },
	{ "XCLIENT", xclient, 501 },
	{ "XQUEUE LIST", queue, 250 },
	{ "XQUEUE CANCEL q1", queue, 250 },
	{ "XQUEUE CANCEL q2", queue, 550 },
	{ "XQUEUE", queue, 0 },
	{ "XQUEUE FROB", queue, 501 },
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static int
reply(struct wire_session *w)
{
	struct span line;
	uint64_t code = 0;
	struct err e;

	do {
		if (wire_line(w, &line, &e) != 0)
			return 0;
		FUZZ_CHECK(line.n >= 4);
		FUZZ_CHECK(span_u64(span_head(line, 3), &code) == 0);
	} while (line.p[3] == '-');
	return (int)code;
}

static void
send_command(struct wire_session *w, const struct command *c)
{
	static const char text[OVER] = { 'x' };
	bool chunk = strncmp(c->text, "BDAT", 4) == 0;

	FUZZ_CHECK(wire_send(w, span_of(c->text)) == 0);
	/* a chunk has its line end in the text */
	if (!chunk)
		FUZZ_CHECK(wire_send(w, span_of("\r\n")) == 0);
	else if ((c->with & LARGE) != 0 && c->expect == bdat)
		FUZZ_CHECK(wire_send(w, span_make(text, OVER)) == 0);
}

static void
play_one(struct wire_session *w, struct model *m, const struct command *c)
{
	struct err e;

	send_command(w, c);
	int want = c->expect(m, c->with), got = reply(w);
	if (want != got)
		(void)fprintf(stderr, "%s: %d, not %d\n", c->text, got, want);
	FUZZ_CHECK(got == want);
	if (m->closed && got != 221) /* every close is announced */
		FUZZ_CHECK(reply(w) == 421);
	if (c->expect == data && got == 354) {
		FUZZ_CHECK(wire_send(w, span_of("text\r\n.\r\n")) == 0);
		want = end_of_message(m, true);
		FUZZ_CHECK(reply(w) == want);
	}
	if (c->expect == starttls && got == 220)
		FUZZ_CHECK(wire_tls(w, &e) == 0);
}

static void
serve(void *server, const struct listener_client *c)
{
	smtp_server_session(server, c);
}

static struct smtp_server *
make_server(struct smtp_recorder *recorder)
{
	static struct network here = { .bytes = { [10] = 0xff, 0xff, 127 },
				       .bits = 104 };
	static const struct network_list trusted = { &here, 1 };
	static struct tls_server *tls;
	struct smtp_server *s = NULL;
	struct err e;

	if (tls == NULL) /* one certificate for all inputs */
		tls = issue_server("smtp");
	const struct smtp_server_options o = {
		.hostname = "mx.test",
		.service = "smtp",
		.sasl = smtp_recorder_quick_sasl(),
		.tls = tls,
		.dsn = true,
		.require_tls = true,
		.xclient_from = &trusted,
		.future_release_max_s = 3600,
		.size_max_bytes = SIZE_LIMIT,
		.recipients_max = RECIPIENTS,
		.errors_max = 1000,
	};
	FUZZ_CHECK(smtp_server_new(&s, &o, &smtp_recorder_ops, recorder, &e) ==
		   0);
	return s;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data_bytes, size_t size)
{
	struct smtp_recorder recorder;
	struct model m = { 0 };
	struct wire_session w;
	struct err e;

	if (size > COMMANDS_MAX)
		return 0;
	FUZZ_CHECK(log_open("/dev/null", LOG_ERROR, &e) == 0);
	smtp_recorder_init(&recorder);
	struct smtp_server *server = make_server(&recorder);
	FUZZ_CHECK(wire_open(&w, server, serve, NULL) == 0);
	FUZZ_CHECK(reply(&w) == 220);
	for (size_t i = 0; i < size && !m.closed; i++)
		play_one(&w, &m, &commands[data_bytes[i] % COMMANDS]);
	if (m.closed)
		FUZZ_CHECK(reply(&w) == 0);
	wire_join(&w);
	FUZZ_CHECK(recorder.broken == NULL && !recorder.open);
	FUZZ_CHECK(recorder.mails == recorder.resets);
	FUZZ_CHECK(recorder.stored == m.stored);
	smtp_server_free(&server);
	smtp_recorder_clear(&recorder);
	return 0;
}
