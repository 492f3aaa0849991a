#include "mail/dsn_param.h"

#include <stdio.h>

#include "mail/utf8.h"

/* The value of an upper-case hexadecimal digit (RFC 3461 4 has no other), or
 * -1. */
static int
hex_digit(char c)
{
	if (span_is_digit(c))
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* One character of xtext off *s: its value, or -1. */
static int
take_xchar(struct span *s)
{
	unsigned char c = (unsigned char)s->p[0];

	if (c == '+') {
		int high = s->n >= 3 ? hex_digit(s->p[1]) : -1;
		int low = s->n >= 3 ? hex_digit(s->p[2]) : -1;
		if (high < 0 || low < 0)
			return -1;
		*s = span_skip(*s, 3);
		return high * 16 + low;
	}
	if (c < '!' || c == '=' || c == 0x7f)
		return -1;
	*s = span_skip(*s, 1);
	return c;
}

static bool
is_printable(int c)
{
	return c >= ' ' && c < 0x7f;
}

bool
dsn_xtext_is_valid(struct span s)
{
	if (!utf8_is_ascii(s))
		return false;
	while (s.n > 0) {
		if (take_xchar(&s) < 0)
			return false;
	}
	return true;
}

int
dsn_xtext_decode(struct span s, char *dst, unsigned long size)
{
	unsigned long n = 0;

	if (size == 0)
		return -1;
	while (s.n > 0) {
		bool raw = (unsigned char)s.p[0] >= 0x80;
		int c = take_xchar(&s);
		if (c < 0 || n + 1 >= size) {
			dst[0] = '\0';
			return -1;
		}
		dst[n++] = raw || is_printable(c) ? (char)c : '?';
	}
	dst[n] = '\0';
	return 0;
}

int
dsn_ret_parse(struct span s, enum dsn_ret *ret)
{
	if (span_eq_nocase(s, span_of("FULL")))
		*ret = DSN_RET_FULL;
	else if (span_eq_nocase(s, span_of("HDRS")))
		*ret = DSN_RET_HDRS;
	else
		return -1;
	return 0;
}

const char *
dsn_ret_text(enum dsn_ret ret)
{
	switch (ret) {
	case DSN_RET_NONE:
		return NULL;
	case DSN_RET_FULL:
		return "FULL";
	case DSN_RET_HDRS:
		return "HDRS";
	}
	return NULL;
}

static const struct {
	const char *name;
	enum dsn_notify bit;
} notify_names[] = {
	{ "SUCCESS", DSN_NOTIFY_SUCCESS },
	{ "FAILURE", DSN_NOTIFY_FAILURE },
	{ "DELAY", DSN_NOTIFY_DELAY },
	{ "NEVER", DSN_NOTIFY_NEVER },
};
enum { NOTIFY_NAMES = sizeof(notify_names) / sizeof(notify_names[0]) };

static unsigned
notify_bit(struct span word)
{
	for (int i = 0; i < NOTIFY_NAMES; i++) {
		if (span_eq_nocase(word, span_of(notify_names[i].name)))
			return notify_names[i].bit;
	}
	return 0;
}

int
dsn_notify_parse(struct span s, unsigned *notify)
{
	unsigned got = 0;
	bool more = true;

	while (more) {
		long comma = span_find(s, ',', 0);
		more = comma >= 0;
		struct span word = more ? span_head(s, (size_t)comma) : s;
		unsigned bit = notify_bit(word);
		if (bit == 0)
			return -1;
		got |= bit;
		s = span_skip(s, word.n + (more ? 1 : 0));
	}
	/* RFC 3461 4.1 (a): NEVER stands by itself */
	if ((got & DSN_NOTIFY_NEVER) != 0 && got != DSN_NOTIFY_NEVER)
		return -1;
	*notify = got;
	return 0;
}

void
dsn_notify_text(unsigned notify, char text[DSN_NOTIFY_SIZE])
{
	const char *comma = "";
	size_t n = 0;

	text[0] = '\0';
	for (int i = 0; i < NOTIFY_NAMES; i++) {
		if ((notify & notify_names[i].bit) == 0)
			continue;
		int wrote = snprintf(text + n, DSN_NOTIFY_SIZE - n, "%s%s",
				     comma, notify_names[i].name);
		if (wrote < 0 || (size_t)wrote >= DSN_NOTIFY_SIZE - n)
			return; /* NEVER with others: no parser gave that */
		n += (size_t)wrote;
		comma = ",";
	}
}

/* RFC 3461 4.2, 4.4: what it stands for is printable ASCII and blanks. */
static bool
is_printable_xtext(struct span s)
{
	if (!utf8_is_ascii(s))
		return false;
	while (s.n > 0) {
		if (!is_printable(take_xchar(&s)))
			return false;
	}
	return true;
}

bool
dsn_envid_is_valid(struct span s)
{
	return s.n > 0 && s.n <= DSN_ENVID_MAX && is_printable_xtext(s);
}

/* addr-type = atom (RFC 5322 3.2.3) */
static bool
is_atom(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool letter = span_lower(c) >= 'a' && span_lower(c) <= 'z';
		bool other = c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c);
		if (!letter && !span_is_digit(c) && !other)
			return false;
	}
	return s.n > 0;
}

/* RFC 6533 3, utf-8-addr-unitext: characters as they are, xtext's ASCII. */
static bool
is_utf8_address(struct span s)
{
	if (!utf8_is_valid(s))
		return false;
	while (s.n > 0) {
		bool raw = (unsigned char)s.p[0] >= 0x80;
		int c = take_xchar(&s);
		if (!raw && !is_printable(c))
			return false;
	}
	return true;
}

bool
dsn_orcpt_is_valid(struct span s, bool utf8)
{
	long semicolon = span_find(s, ';', 0);

	if (semicolon < 1 || s.n > DSN_ORCPT_MAX)
		return false;
	struct span type = span_head(s, (size_t)semicolon);
	struct span address = span_skip(s, type.n + 1);
	if (!is_atom(type) || address.n == 0)
		return false;
	if (utf8 && span_eq_nocase(type, span_of("utf-8")))
		return is_utf8_address(address);
	return is_printable_xtext(address);
}
