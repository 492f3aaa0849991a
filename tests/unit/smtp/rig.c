#include "rig.h"

void
rig_serve(void *rig, const struct listener_client *c)
{
	smtp_server_session(((struct rig *)rig)->server, c);
}

static void
open_rig(struct rig *g,
	 void (*serve_fn)(void *, const struct listener_client *))
{
	const struct smtp_server_options o = {
		.hostname = "mx.test",
		.service = "smtp",
		.lmtp = g->lmtp,
		.sasl = smtp_recorder_sasl(),
		.size_max_bytes = 1000000,
	};
	struct err e;

	smtp_recorder_init(&g->recorder);
	assert_int_equal(smtp_server_new(&g->server, &o, &smtp_recorder_ops,
					 &g->recorder, &e),
			 0);
	assert_int_equal(wire_open(&g->w, g, serve_fn, NULL), 0);
}

void
rig_open_with(struct rig *g,
	      void (*serve_fn)(void *, const struct listener_client *))
{
	g->lmtp = false;
	open_rig(g, serve_fn);
}

void
rig_open_lmtp(struct rig *g)
{
	g->lmtp = true;
	open_rig(g, rig_serve);
}

void
rig_open(struct rig *g)
{
	rig_open_with(g, rig_serve);
}

void
rig_close(struct rig *g, int stored)
{
	const struct smtp_recorder *r = &g->recorder;

	wire_join(&g->w);
	assert_null(r->broken);
	assert_false(r->open);
	assert_int_equal(r->mails, r->resets);
	assert_int_equal(r->connects, r->disconnects);
	if (stored >= 0) {
		assert_int_equal(r->stored, stored);
		assert_int_equal(r->ends, stored);
	}
	smtp_server_free(&g->server);
	smtp_recorder_clear(&g->recorder);
}

int
rig_reply(struct rig *g)
{
	struct span line;
	uint64_t code = 0;
	struct err e;

	do {
		if (wire_line(&g->w, &line, &e) != 0)
			return -1;
	} while (line.n > 3 && line.p[3] == '-');
	assert_int_equal(span_u64(span_head(line, 3), &code), 0);
	return (int)code;
}

/* A conversation in steps; a reply is waited for after each. */
static const struct {
	const char *text;
	int replies;
} steps[] = {
	{ "", 1 },
	{ "EHLO client\r\n", 1 },
	{ "AUTH LOGIN\r\n", 1 },
	{ "YWxpY2VAYWJjLmNvbQ==\r\n", 1 },
	{ "c2VjcmV0\r\n", 1 },
	{ "MAIL FROM:<alice@abc.com> SIZE=9\r\n"
	  "RCPT TO:<bob@xyz.com>\r\nRCPT TO:<nobody@xyz.com>\r\nDATA\r\n",
	  4 },
	{ "From: a\r\n\r\n..x\r\n.\r\n", 1 }, /* the message */
	{ "MAIL FROM:<alice@abc.com>\r\nRCPT TO:<bob@xyz.com>\r\n"
	  "BDAT 5\r\nhi\r\n.BDAT 1\r\n\rRSET\r\n",
	  5 }, /* in chunks, and not to the end */
	{ "MAIL FROM:<alice@abc.com>\r\nRSET\r\nQUIT\r\n", 3 },
};
enum { STEPS = sizeof(steps) / sizeof(steps[0]), MESSAGE_STEP = 6 };

bool
rig_play(struct rig *g, size_t budget, size_t piece)
{
	bool whole = false;

	for (int i = 0; i < STEPS; i++) {
		struct span text = span_of(steps[i].text);
		struct span part = span_head(text, budget);
		budget -= part.n;
		bool cut = part.n < text.n;
		while (part.n > 0) {
			(void)wire_send(&g->w, span_head(part, piece));
			part = span_skip(part, piece);
		}
		if (cut)
			return whole;
		if (i == MESSAGE_STEP)
			whole = true;
		for (int k = 0; k < steps[i].replies; k++) {
			if (rig_reply(g) < 0)
				return whole;
		}
	}
	return whole;
}

size_t
rig_conversation_size(void)
{
	size_t n = 0;

	for (int i = 0; i < STEPS; i++)
		n += strlen(steps[i].text);
	return n;
}
