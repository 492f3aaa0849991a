#include "net/proxy.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/*
 * Whoever may send this header decides who the client is for every limit and
 * every log line, so it is taken from configured addresses only, must come from
 * them, and is read by the letter of the specification: a header that is only
 * nearly one is none.
 *
 * Version 1 is a line; version 2 begins with twelve bytes that no text protocol
 * begins with, and has its length.  The extensions behind the addresses of
 * version 2 (TLVs) are passed over: nothing here believes them.
 */

static const char v2_signature[12] = "\r\n\r\n\0\r\nQUIT\n";

static int
refuse(struct err *e, const char *why)
{
	return err_set(e, ERR_PROTO, 0, "no PROXY header: %s", why);
}

/* ---- version 1 (2.1) ----------------------------------------------------
 */

/* The next word and the one blank behind it. */
static struct span
take_word(struct span *line)
{
	long blank = span_find(*line, ' ', 0);
	size_t n = blank < 0 ? line->n : (size_t)blank;
	struct span word = span_head(*line, n);

	*line = span_skip(*line, blank < 0 ? n : n + 1);
	return word;
}

/* Canonical text, of the family only. */
static bool
take_address(struct span *line, int family, char text[PROXY_ADDRESS_SIZE])
{
	char word[PROXY_ADDRESS_SIZE];
	unsigned char bytes[16];

	return span_copy(take_word(line), word, sizeof(word)) == 0 &&
	       inet_pton(family, word, bytes) == 1 &&
	       inet_ntop(family, bytes, text, PROXY_ADDRESS_SIZE) != NULL;
}

/* 0 to 65535, without leading zeros. */
static bool
take_port(struct span *line, uint16_t *port)
{
	struct span word = take_word(line);
	uint64_t n = 0;

	if (word.n == 0 || word.n > 5 || (word.n > 1 && word.p[0] == '0') ||
	    span_u64(word, &n) != 0 || n > UINT16_MAX)
		return false;
	*port = (uint16_t)n;
	return true;
}

static int
parse_line(struct span line, struct proxy_header *h, struct err *e)
{
	char to[PROXY_ADDRESS_SIZE];
	uint16_t to_port;

	struct span word = take_word(&line);
	if (!span_eq(word, span_of("PROXY")))
		return refuse(e, "it does not begin with one");
	struct span family = take_word(&line);
	if (span_eq(family, span_of("UNKNOWN"))) {
		/* whatever follows is to be ignored */
		h->unknown = true;
		return 0;
	}
	bool v4 = span_eq(family, span_of("TCP4"));
	if (!v4 && !span_eq(family, span_of("TCP6")))
		return refuse(e, "unknown family");
	if (!take_address(&line, v4 ? AF_INET : AF_INET6, h->address) ||
	    !take_address(&line, v4 ? AF_INET : AF_INET6, to))
		return refuse(e, "malformed address");
	/* the last port ends the line: no blank behind it */
	bool more = line.n > 0 && span_find(line, ' ', 0) > 0;
	if (!more || line.p[line.n - 1] == ' ' || !take_port(&line, &h->port) ||
	    !take_port(&line, &to_port) || line.n > 0)
		return refuse(e, "malformed port");
	return 0;
}

static int
parse_v1(struct span in, struct proxy_header *h, size_t *used, struct err *e)
{
	static const char begin[] = "PROXY ";
	size_t n = in.n < 6 ? in.n : 6;

	if (memcmp(in.p, begin, n) != 0)
		return refuse(e, "it does not begin with one");
	long lf = span_find(in, '\n', 0);
	if (lf < 0 && in.n < PROXY_V1_MAX)
		return 0;
	if (lf < 0 || lf + 1 > PROXY_V1_MAX)
		return refuse(e, "its line is too long");
	if (in.p[lf - 1] != '\r')
		return refuse(e, "its line does not end in CRLF");
	struct span line = span_head(in, (size_t)lf - 1);
	for (size_t i = 0; i < line.n; i++) {
		if ((unsigned char)line.p[i] < 0x20)
			return refuse(e, "control bytes");
	}
	*used = (size_t)lf + 1;
	return parse_line(line, h, e) == 0 ? 1 : -1;
}

/* ---- version 2 (2.2) ----------------------------------------------------
 */

static unsigned
byte_at(struct span in, size_t i)
{
	return (unsigned char)in.p[i];
}

static unsigned
u16_at(struct span in, size_t i)
{
	return byte_at(in, i) << 8 | byte_at(in, i + 1);
}

/* Source address, destination address, source port, destination port. */
static int
take_tcp(struct span body, int family, struct proxy_header *h, struct err *e)
{
	size_t n = family == AF_INET ? 4 : 16;

	if (body.n < 2 * n + 4)
		return refuse(e, "too short for its family");
	if (inet_ntop(family, body.p, h->address, sizeof(h->address)) == NULL)
		return refuse(e, "malformed address");
	h->port = (uint16_t)u16_at(body, 2 * n);
	return 1;
}

static int
parse_body(struct span in, struct proxy_header *h, struct err *e)
{
	unsigned command = byte_at(in, 12), family = byte_at(in, 13);
	struct span body = span_skip(in, PROXY_V2_HEAD);

	if (command >> 4 != 2)
		return refuse(e, "unknown version");
	if ((command & 15) > 1)
		return refuse(e, "unknown command");
	/* AF_UNSPEC to AF_UNIX, unspecified to datagram; the rest is reserved
	 */
	if (family >> 4 > 3 || (family & 15) > 2)
		return refuse(e, "unknown family");
	if ((command & 15) == 0) { /* LOCAL: the addresses do not count */
		h->local = true;
		return 1;
	}
	if (family == 0x11)
		return take_tcp(body, AF_INET, h, e);
	if (family == 0x21)
		return take_tcp(body, AF_INET6, h, e);
	h->unknown = true; /* to be treated as UNSPEC */
	return 1;
}

static int
parse_v2(struct span in, struct proxy_header *h, size_t *used, struct err *e)
{
	size_t n = in.n < sizeof(v2_signature) ? in.n : sizeof(v2_signature);

	if (memcmp(in.p, v2_signature, n) != 0)
		return refuse(e, "it does not begin with one");
	if (in.n < PROXY_V2_HEAD)
		return 0;
	size_t whole = PROXY_V2_HEAD + u16_at(in, 14);
	if (whole > PROXY_HEADER_MAX)
		return refuse(e, "it is too long");
	if (in.n < whole)
		return 0;
	*used = whole;
	return parse_body(span_head(in, whole), h, e);
}

int
proxy_parse(struct span in, struct proxy_header *h, size_t *used, struct err *e)
{
	*h = (struct proxy_header){ 0 };
	*used = 0;
	if (in.n == 0)
		return 0;
	return in.p[0] == v2_signature[0] ? parse_v2(in, h, used, e)
					  : parse_v1(in, h, used, e);
}

size_t
proxy_wants(struct span in)
{
	if (in.n == 0 || in.p[0] != v2_signature[0])
		return 1;
	if (in.n < PROXY_V2_HEAD)
		return PROXY_V2_HEAD - in.n;
	return PROXY_V2_HEAD + u16_at(in, 14) - in.n;
}
