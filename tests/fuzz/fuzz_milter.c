/*
 * A milter that may say anything.  The first byte chooses: a packet by itself,
 * or two messages through the filter with such a milter, whose script the rest
 * is (milter_play.h has the properties) behind a byte for its fallback.
 */
#include "fuzz.h"

#include "../wire/milter_play.h"
#include "milter/milter_packet.h"

/* ---- packets --------------------------------------------------------------
 */

static void
check_inside(struct span part, struct span whole)
{
	FUZZ_CHECK(part.n == 0 ||
		   (part.p >= whole.p && part.p + part.n <= whole.p + whole.n));
}

static void
one_packet(struct span in)
{
	struct milter_options o;
	struct milter_reply r;
	struct span packet;
	struct err e;

	if (milter_packet_take(&in, &packet, &e) != 1)
		return;
	if (milter_options_parse(packet, &o, &e) == 0) {
		FUZZ_CHECK((o.actions & ~(uint32_t)MILTER_ACTIONS) == 0);
		FUZZ_CHECK((o.steps & ~(uint32_t)MILTER_STEPS) == 0);
		for (int i = 0; i < MILTER_STAGES; i++)
			check_inside(o.symbols[i], packet);
	}
	if (milter_reply_parse(packet, &r, &e) != 0)
		return;
	check_inside(r.name, packet);
	check_inside(r.value, packet);
	check_inside(r.address, packet);
	check_inside(r.arguments, packet);
	check_inside(r.text, packet);
	if (r.what == MILTER_REPLYCODE) {
		milter_play_reply(&r.reply);
		FUZZ_CHECK(r.reply.code >= 400);
		FUZZ_CHECK(r.reply.enhanced[0] == '0' + r.reply.code / 100);
	}
}

static void
session(struct span in)
{
	static const char *const words[] = { "tempfail", "accept", "reject" };
	struct milter_play p = {
		.script = span_skip(in, 1),
		.fallback = words[(unsigned char)in.p[0] % 3],
		.timeout_ms = 40,
	};

	milter_play(&p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_make((const char *)data, size);

	if (size < 2 || size > 64 * 1024)
		return 0;
	if (in.p[0] == 'p')
		one_packet(span_skip(in, 1));
	else
		session(span_skip(in, 1));
	return 0;
}
