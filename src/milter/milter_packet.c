#include "milter/milter_packet.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* Of a line of a refusal: what a smtp_reply, and "%.*s", surely holds. */
enum { REPLY_LINE_MAX = 900 };

/* ---- writing --------------------------------------------------------------
 */

static int
put_u32(struct buf *out, uint32_t v)
{
	uint32_t net = htonl(v);

	return buf_add(out, &net, sizeof(net));
}

/* The head of a packet with n bytes of data. */
static int
put_head(struct buf *out, enum milter_command c, size_t n)
{
	if (n > MILTER_DATA_MAX || put_u32(out, (uint32_t)n + 1) != 0)
		return -1;
	return buf_add_char(out, (char)c);
}

/* All or nothing, as every add of a buffer. */
static int
undo(struct buf *out, size_t n)
{
	out->n = n;
	return -1;
}

static int
put_texts(struct buf *out, const struct span *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (buf_add_span(out, text[i]) != 0 ||
		    buf_add_char(out, '\0') != 0)
			return -1;
	}
	return 0;
}

static size_t
texts_size(const struct span *text, size_t n)
{
	size_t bytes = n;

	for (size_t i = 0; i < n; i++)
		bytes += text[i].n;
	return bytes;
}

int
milter_put(struct buf *out, enum milter_command c, const struct span *text,
	   size_t n)
{
	size_t before = out->n;

	if (put_head(out, c, texts_size(text, n)) != 0 ||
	    put_texts(out, text, n) != 0)
		return undo(out, before);
	return 0;
}

int
milter_put_macros(struct buf *out, enum milter_command of,
		  const struct span *text, size_t n)
{
	size_t before = out->n;

	if (put_head(out, MILTER_MACRO, 1 + texts_size(text, n)) != 0 ||
	    buf_add_char(out, (char)of) != 0 || put_texts(out, text, n) != 0)
		return undo(out, before);
	return 0;
}

int
milter_put_optneg(struct buf *out, uint32_t version, uint32_t actions,
		  uint32_t steps)
{
	size_t before = out->n;

	if (put_head(out, MILTER_OPTNEG, 12) != 0 ||
	    put_u32(out, version) != 0 || put_u32(out, actions) != 0 ||
	    put_u32(out, steps) != 0)
		return undo(out, before);
	return 0;
}

int
milter_put_connect(struct buf *out, const char *hostname, const char *address,
		   uint16_t port)
{
	struct in6_addr any;
	char family = 'U';
	size_t before = out->n, bytes = strlen(hostname) + 2;

	if (inet_pton(AF_INET, address, &any) == 1)
		family = '4';
	else if (inet_pton(AF_INET6, address, &any) == 1)
		family = '6';
	if (family != 'U')
		bytes += 2 + strlen(address) + 1;
	if (put_head(out, MILTER_CONNECT, bytes) != 0 ||
	    buf_add(out, hostname, strlen(hostname) + 1) != 0 ||
	    buf_add_char(out, family) != 0)
		return undo(out, before);
	uint16_t net = htons(port);
	if (family != 'U' && (buf_add(out, &net, sizeof(net)) != 0 ||
			      buf_add(out, address, strlen(address) + 1) != 0))
		return undo(out, before);
	return 0;
}

int
milter_put_bytes(struct buf *out, struct span bytes)
{
	size_t before = out->n;

	if (put_head(out, MILTER_BODY, bytes.n) != 0 ||
	    buf_add_span(out, bytes) != 0)
		return undo(out, before);
	return 0;
}

/* ---- reading --------------------------------------------------------------
 */

static uint32_t
get_u32(const char *p)
{
	uint32_t net;

	memcpy(&net, p, sizeof(net));
	return ntohl(net);
}

int
milter_packet_take(struct span *in, struct span *packet, struct err *e)
{
	if (in->n < MILTER_HEAD_BYTES)
		return 0;
	uint32_t n = get_u32(in->p);
	if (n == 0 || n > MILTER_REPLY_MAX)
		return err_set(e, ERR_PROTO, 0, "packet of %u bytes", n);
	if (in->n - MILTER_HEAD_BYTES < n)
		return 0;
	*packet = span_make(in->p + MILTER_HEAD_BYTES, n);
	*in = span_skip(*in, MILTER_HEAD_BYTES + (size_t)n);
	return 1;
}

/* The next number, or text that ends in NUL, off *rest. */
static int
take_u32(struct span *rest, uint32_t *v)
{
	if (rest->n < 4)
		return -1;
	*v = get_u32(rest->p);
	*rest = span_skip(*rest, 4);
	return 0;
}

static int
take_text(struct span *rest, struct span *text)
{
	long nul = span_find(*rest, '\0', 0);

	if (nul < 0)
		return -1;
	*text = span_head(*rest, (size_t)nul);
	*rest = span_skip(*rest, (size_t)nul + 1);
	return 0;
}

static int
check_offer(const struct milter_options *o, struct err *e)
{
	uint32_t actions = MILTER_ACTIONS, steps = MILTER_STEPS;

	if (o->version < MILTER_VERSION_LEAST || o->version > MILTER_VERSION)
		return err_set(e, ERR_PROTO, 0, "milter speaks version %u",
			       o->version);
	if (o->version == 2) {
		actions = MILTER_ACTIONS_V2;
		steps = MILTER_STEPS_V2;
	}
	if ((o->actions & ~actions) != 0 || (o->steps & ~steps) != 0)
		return err_set(e, ERR_PROTO, 0,
			       "milter wants what was not offered:"
			       " actions %#x, steps %#x",
			       o->actions & ~actions, o->steps & ~steps);
	return 0;
}

int
milter_options_parse(struct span packet, struct milter_options *o,
		     struct err *e)
{
	struct span rest = span_skip(packet, 1);
	uint32_t stage;

	*o = (struct milter_options){ 0 };
	if (packet.n == 0 || packet.p[0] != MILTER_OPTNEG ||
	    take_u32(&rest, &o->version) != 0 ||
	    take_u32(&rest, &o->actions) != 0 ||
	    take_u32(&rest, &o->steps) != 0)
		return err_set(e, ERR_PROTO, 0, "no answer to OPTNEG");
	if (check_offer(o, e) != 0)
		return -1;
	while (rest.n > 0) {
		struct span list;
		if (take_u32(&rest, &stage) != 0 ||
		    take_text(&rest, &list) != 0)
			return err_set(e, ERR_PROTO, 0, "cut list of macros");
		if (stage >= MILTER_STAGES || list.n > MILTER_SYMBOLS_MAX ||
		    (o->actions & MILTER_MAY_SETSYMLIST) == 0)
			return err_set(e, ERR_PROTO, 0, "bad list of macros");
		o->symbols[stage] = list;
	}
	return 0;
}

/* RFC 5322 2.2: printable, no colon. */
static bool
is_field_name(struct span name)
{
	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)name.p[i];
		if (c <= 0x20 || c >= 0x7f || c == ':')
			return false;
	}
	return name.n > 0 && name.n <= 200;
}

/*
 * "550 5.7.1 text", more lines after CR LF, each with the code again (as
 * libmilter sends them) or without.  What begins with no code of its own gets
 * the first line's, so that the text is read as any other reply is.
 */
static int
add_reply_line(struct span line, bool last, struct smtp_reply *r)
{
	char text[REPLY_TEXT_SIZE];
	uint64_t code = 0;
	struct err e;

	for (size_t i = 0; i < line.n; i++) {
		unsigned char c = (unsigned char)line.p[i];
		if (c < 0x20 && c != '\t')
			return -1;
	}
	bool coded = span_u64(span_head(line, 3), &code) == 0 && code >= 400 &&
		     (line.n == 3 || line.p[3] == ' ' || line.p[3] == '-');
	if ((!coded && r->code == 0) || line.n > REPLY_LINE_MAX)
		return -1;
	if (coded)
		line = span_skip(line, 4);
	else
		code = (uint64_t)r->code;
	int n = snprintf(text, sizeof(text), "%03u%c%.*s", (unsigned)code,
			 last ? ' ' : '-', SPAN_ARG(line));
	if (n < 0 || (size_t)n >= sizeof(text))
		return -1;
	return reply_add_line(r, span_of(text), &e) == (last ? 1 : 0) ? 0 : -1;
}

static int
parse_replycode(struct span text, struct smtp_reply *r)
{
	do {
		long lf = span_find(text, '\n', 0);
		struct span line = lf < 0 ? text : span_head(text, (size_t)lf);
		text = span_skip(text, lf < 0 ? text.n : (size_t)lf + 1);
		if (add_reply_line(span_trim(line), text.n == 0, r) != 0)
			return -1;
	} while (text.n > 0);
	if (r->code < 400 || r->code > 599)
		return -1;
	if (r->enhanced[0] == '\0')
		(void)snprintf(r->enhanced, sizeof(r->enhanced), "%s",
			       r->code < 500 ? "4.7.1" : "5.7.1");
	return 0;
}

/* The packet's data by its kind; -1 when malformed. */
static int
parse_data(struct span rest, struct milter_reply *r)
{
	struct span text = { NULL, 0 };

	switch (r->what) {
	case MILTER_ACCEPT:
	case MILTER_CONTINUE:
	case MILTER_DISCARD:
	case MILTER_CONN_FAIL:
	case MILTER_PROGRESS:
	case MILTER_REJECT:
	case MILTER_SKIP:
	case MILTER_TEMPFAIL:
	case MILTER_SHUTDOWN:
		return rest.n == 0 ? 0 : -1;
	case MILTER_REPLBODY:
		r->text = rest;
		return 0;
	case MILTER_ADDRCPT:
	case MILTER_DELRCPT:
		return take_text(&rest, &r->address) == 0 && rest.n == 0 ? 0
									 : -1;
	case MILTER_ADDRCPT_PAR:
	case MILTER_CHGFROM:
		if (take_text(&rest, &r->address) != 0)
			return -1;
		if (rest.n > 0 && take_text(&rest, &r->arguments) != 0)
			return -1;
		return rest.n == 0 ? 0 : -1;
	case MILTER_INSHEADER:
	case MILTER_CHGHEADER:
	case MILTER_ADDHEADER:
		if (r->what != MILTER_ADDHEADER &&
		    take_u32(&rest, &r->index) != 0)
			return -1;
		return take_text(&rest, &r->name) == 0 &&
			       take_text(&rest, &r->value) == 0 &&
			       rest.n == 0 && is_field_name(r->name)
			   ? 0
			   : -1;
	case MILTER_QUARANTINE:
		return take_text(&rest, &r->text) == 0 && rest.n == 0 ? 0 : -1;
	case MILTER_REPLYCODE:
		return take_text(&rest, &text) == 0 && rest.n == 0
			   ? parse_replycode(text, &r->reply)
			   : -1;
	}
	return -1;
}

int
milter_reply_parse(struct span packet, struct milter_reply *r, struct err *e)
{
	*r = (struct milter_reply){ 0 };
	if (packet.n == 0)
		return err_set(e, ERR_PROTO, 0, "empty packet");
	r->what = (enum milter_answer)packet.p[0];
	if (parse_data(span_skip(packet, 1), r) != 0)
		return err_set(e, ERR_PROTO, 0,
			       "malformed packet '%c' of %zu bytes",
			       packet.p[0], packet.n);
	return 0;
}

bool
milter_answer_is_edit(enum milter_answer what)
{
	return strchr("+-2behimq", (int)what) != NULL && what != 0;
}
