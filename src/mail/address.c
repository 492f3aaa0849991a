/*
 * Addresses are read by their grammar from left to right, never by looking for
 * '@' or '>': a quoted local part may hold both, and a server that guesses
 * another split than the next one can be made to deliver elsewhere than it
 * checked.
 */
#include "mail/address_private.h"

#include <arpa/inet.h>
#include <idn2.h>

#include "mail/utf8.h"

enum { LABEL_MAX = 63 }; /* RFC 1035 2.3.4 */

static bool
is_let_dig(char c)
{
	return span_is_digit(c) || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z');
}

/* atext of RFC 5322 3.2.3, ASCII part */
static bool
is_atext(char c)
{
	return is_let_dig(c) ||
	       (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

/* One character beyond ASCII where the flags allow it (RFC 6531 3.3). */
static size_t
take_utf8(struct span s, unsigned flags)
{
	if (!(flags & ADDRESS_ALLOW_UTF8) || (unsigned char)s.p[0] < 0x80)
		return 0;
	return utf8_next(s);
}

/* Dot-string (RFC 5321 4.1.2) at the start of s: its length, or 0. */
size_t
address_dot_string(struct span s, unsigned flags)
{
	size_t i = 0, end = 0;

	while (i < s.n) {
		size_t start = i;
		while (i < s.n) {
			size_t n = is_atext(s.p[i])
				       ? 1
				       : take_utf8(span_skip(s, i), flags);
			if (n == 0)
				break;
			i += n;
		}
		if (i == start)
			return 0; /* leading, doubled or final dot */
		end = i;
		if (i == s.n || s.p[i] != '.')
			return end;
		i++;
	}
	return 0;
}

/* Quoted-string (RFC 5321 4.1.2): its length with both quotes, or 0. */
static size_t
quoted_string(struct span s, unsigned flags)
{
	size_t i = 1;

	while (i < s.n) {
		char c = s.p[i];
		if (c == '"')
			return i + 1;
		if (c == '\\') {
			if (i + 1 >= s.n || s.p[i + 1] < ' ' ||
			    s.p[i + 1] > '~')
				return 0; /* quoted-pairSMTP: %d32-126 */
			i += 2;
			continue;
		}
		size_t n = c >= ' ' && c <= '~'
			       ? 1
			       : take_utf8(span_skip(s, i), flags);
		if (n == 0)
			return 0;
		i += n;
	}
	return 0;
}

static size_t
local_part(struct span s, unsigned flags)
{
	if (s.n == 0)
		return 0;
	return s.p[0] == '"' ? quoted_string(s, flags)
			     : address_dot_string(s, flags);
}

/* What is between the brackets (RFC 5321 4.1.3).  IPv6 is the only tag that
 * was ever registered, so no general literal is taken.  inet_pton refuses
 * leading zeros, which some read as octal. */
static bool
literal_is_valid(struct span s)
{
	static const char tag[] = "IPv6:";
	char text[INET6_ADDRSTRLEN];
	struct in6_addr six;
	struct in_addr four;

	if (span_starts_nocase(s, span_of(tag))) {
		return span_copy(span_skip(s, sizeof(tag) - 1), text,
				 sizeof(text)) == 0 &&
		       inet_pton(AF_INET6, text, &six) == 1;
	}
	return span_copy(s, text, sizeof(text)) == 0 &&
	       inet_pton(AF_INET, text, &four) == 1;
}

/* Domain or address-literal at the start of s: its length, or 0.  Only the
 * extent: label by label, U-labels still unproven.  '_' is no letter of RFC
 * 5321 4.1.2, but one of the DNS (RFC 2181 11): there are domains with it that
 * send mail, and whoever reads that must be able to answer. */
static size_t
domain_extent(struct span s, unsigned flags)
{
	size_t i = 0;

	if (s.n > 0 && s.p[0] == '[') {
		long end = span_find(s, ']', 1);
		if (end < 0 ||
		    !literal_is_valid(span_make(s.p + 1, (size_t)end - 1)))
			return 0;
		return (size_t)end + 1;
	}
	while (i < s.n) {
		size_t start = i;
		while (i < s.n) {
			size_t n =
			    is_let_dig(s.p[i]) || s.p[i] == '-' || s.p[i] == '_'
				? 1
				: take_utf8(span_skip(s, i), flags);
			if (n == 0)
				break;
			i += n;
		}
		/* sub-domain = Let-dig [Ldh-str]: no hyphen at either end */
		if (i == start || i - start > LABEL_MAX || s.p[start] == '-' ||
		    s.p[i - 1] == '-')
			return 0;
		if (i == s.n || s.p[i] != '.')
			return i;
		i++;
	}
	return 0;
}

/* The A-label form of a domain with U-labels (RFC 5890 2.3.2.1), into out. */
int
address_to_a_labels(struct span domain, char *out, size_t size)
{
	char text[ADDRESS_DOMAIN_MAX + 1];
	uint8_t *ascii = NULL;
	int rc = -1;

	if (span_copy(domain, text, sizeof(text)) != 0)
		return -1;
	if (idn2_lookup_u8((const uint8_t *)text, &ascii,
			   IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
		goto out;
	/* Mapping may turn exotic characters into dots or nothing: what comes
	 * out must be a host name by itself. */
	struct span made = span_of((const char *)ascii);
	if (made.n == 0 || made.n > ADDRESS_DOMAIN_MAX ||
	    domain_extent(made, 0) != made.n)
		goto out;
	rc = span_copy(made, out, size);
out:
	idn2_free(ascii);
	return rc;
}

static bool
domain_is_real(struct span domain)
{
	char ascii[ADDRESS_DOMAIN_MAX + 1];

	if (domain.n == 0 || domain.n > ADDRESS_DOMAIN_MAX)
		return false;
	return utf8_is_ascii(domain) ||
	       address_to_a_labels(domain, ascii, sizeof(ascii)) == 0;
}

bool
address_domain_is_valid(struct span domain, bool allow_utf8)
{
	unsigned flags = allow_utf8 ? ADDRESS_ALLOW_UTF8 : 0;

	return domain_is_real(domain) &&
	       domain_extent(domain, flags) == domain.n;
}

/* A last dot is none of RFC 5321 4.1.2: a name that has it would be equal to no
 * other, and nobody would be told. */
int
address_domain_check(const char *name, bool literal, struct err *e)
{
	if (address_domain_is_valid(span_of(name), true) &&
	    (literal || name[0] != '['))
		return 0;
	return err_set(e, ERR_PERM, 0, "not a domain: %s", name);
}

/* Why no local part or domain stands at the start of s, for the reply. */
static int
refuse(struct span s, unsigned flags, const char *what, struct err *e)
{
	if (!(flags & ADDRESS_ALLOW_UTF8) && !utf8_is_ascii(s))
		return err_set(e, ERR_PERM, 0,
			       "the address is not ASCII and SMTPUTF8 was not "
			       "asked for");
	return err_set(e, ERR_PERM, 0, "%s", what);
}

/* Mailbox = Local-part "@" ( Domain / address-literal ); *used: its length. */
static int
take_mailbox(struct span s, unsigned flags, struct address *a, size_t *used,
	     struct err *e)
{
	size_t n = local_part(s, flags);

	if (n == 0)
		return refuse(s, flags, "bad local part in the address", e);
	if (n > ADDRESS_LOCAL_MAX)
		return err_set(e, ERR_PERM, 0,
			       "local part is longer than %d octets",
			       ADDRESS_LOCAL_MAX);
	a->local = span_head(s, n);
	if (n == s.n || s.p[n] != '@')
		return refuse(s, flags, "no '@' after the local part", e);
	struct span after = span_skip(s, n + 1);
	size_t d = domain_extent(after, flags);
	if (d == 0)
		return refuse(s, flags, "bad domain in the address", e);
	a->domain = span_head(after, d);
	if (d > ADDRESS_DOMAIN_MAX)
		return err_set(e, ERR_PERM, 0,
			       "domain is longer than %d octets",
			       ADDRESS_DOMAIN_MAX);
	if (!domain_is_real(a->domain))
		return err_set(e, ERR_PERM, 0,
			       "bad internationalised domain in the address");
	*used = n + 1 + d;
	a->is_utf8 = !utf8_is_ascii(span_head(s, *used));
	return 0;
}

/* A-d-l ":" (RFC 5321 4.1.2): servers must accept and should ignore it. */
static int
skip_route(struct span *s, unsigned flags, struct err *e)
{
	while (s->n > 0 && s->p[0] == '@') {
		size_t n = domain_extent(span_skip(*s, 1), flags);
		if (n == 0)
			return refuse(*s, flags, "bad source route", e);
		*s = span_skip(*s, n + 1);
		if (s->n > 1 && s->p[0] == ',' && s->p[1] == '@') {
			*s = span_skip(*s, 1);
			continue;
		}
		if (s->n > 0 && s->p[0] == ':') {
			*s = span_skip(*s, 1);
			return 0;
		}
		return err_set(e, ERR_PERM, 0, "bad source route");
	}
	return 0;
}

/* Old devices and hand-written scripts leave the brackets out.  The mailbox is
 * read by the same grammar, so that where it ends is no guess. */
static int
parse_bare(struct span text, unsigned flags, struct address *a,
	   struct span *rest, struct err *e)
{
	size_t n = 0;

	if (take_mailbox(text, flags, a, &n, e) != 0)
		goto fail;
	if (n + 2 > ADDRESS_PATH_MAX) {
		(void)err_set(e, ERR_PERM, 0, "path is longer than %d octets",
			      ADDRESS_PATH_MAX);
		goto fail;
	}
	*rest = span_skip(text, n);
	return 0;
fail:
	*a = (struct address){ .is_null = false };
	return -1;
}

int
address_parse_path(struct span text, unsigned flags, struct address *a,
		   struct span *rest, struct err *e)
{
	static const char post[] = "postmaster";
	size_t n = 0;

	*a = (struct address){ .is_null = false };
	if (text.n > 0 && text.p[0] != '<' && (flags & ADDRESS_ALLOW_BARE) != 0)
		return parse_bare(text, flags, a, rest, e);
	if (text.n == 0 || text.p[0] != '<')
		return err_set(e, ERR_PERM, 0, "the address must be in <>");
	struct span s = span_skip(text, 1);
	if (s.n > 0 && s.p[0] == '>') {
		if (!(flags & ADDRESS_ALLOW_NULL))
			return err_set(e, ERR_PERM, 0, "empty address");
		a->is_null = true;
	} else if ((flags & ADDRESS_ALLOW_POSTMASTER) && s.n >= sizeof(post) &&
		   span_starts_nocase(s, span_of(post)) &&
		   s.p[sizeof(post) - 1] == '>') {
		n = sizeof(post) - 1; /* RFC 5321 4.1.1.3, 4.5.1 */
		a->local = span_head(s, n);
	} else if (skip_route(&s, flags, e) != 0 ||
		   take_mailbox(s, flags, a, &n, e) != 0) {
		goto fail;
	}
	s = span_skip(s, n);
	if (s.n == 0 || s.p[0] != '>') {
		(void)refuse(s, flags, "the address does not end in '>'", e);
		goto fail;
	}
	*rest = span_skip(s, 1);
	if (text.n - rest->n > ADDRESS_PATH_MAX) {
		(void)err_set(e, ERR_PERM, 0, "path is longer than %d octets",
			      ADDRESS_PATH_MAX);
		goto fail;
	}
	return 0;
fail:
	*a = (struct address){ .is_null = false };
	return -1;
}

int
address_parse_mailbox(struct span text, unsigned flags, struct address *a,
		      struct err *e)
{
	size_t n = 0;

	*a = (struct address){ .is_null = false };
	if (take_mailbox(text, flags, a, &n, e) != 0)
		goto fail;
	if (n != text.n) {
		(void)refuse(span_skip(text, n), flags,
			     "the address does not end after its domain", e);
		goto fail;
	}
	if (n + 2 > ADDRESS_PATH_MAX) {
		(void)err_set(e, ERR_PERM, 0,
			      "address is longer than %d octets",
			      ADDRESS_PATH_MAX - 2);
		goto fail;
	}
	return 0;
fail:
	*a = (struct address){ .is_null = false };
	return -1;
}
