#include <string.h>

#include "mail/address_private.h"
#include "mail/utf8.h"

/* The forms of a parsed address: canonical, as written, and its halves. */

/* A quoted local part without its quotes and backslashes: *n bytes in out. */
static int
unquote(struct span local, char *out, size_t size, size_t *n)
{
	size_t at = 0;

	for (size_t i = 1; i + 1 < local.n; i++) {
		if (local.p[i] == '\\' && i + 2 < local.n)
			i++;
		if (at == size)
			return -1;
		out[at++] = local.p[i];
	}
	*n = at;
	return 0;
}

static int
put(char buf[ADDRESS_SIZE], size_t *at, char c)
{
	if (*at + 1 >= ADDRESS_SIZE)
		return -1;
	buf[(*at)++] = c;
	buf[*at] = '\0';
	return 0;
}

static int
put_lower(char buf[ADDRESS_SIZE], size_t *at, struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (put(buf, at, (char)span_lower(s.p[i])) != 0)
			return -1;
	}
	return 0;
}

/* "a.b" and a.b are the same mailbox (RFC 5321 4.1.2); quotes stay only where
 * the text needs them, and then with the fewest backslashes. */
static int
canonical_local(struct span local, char buf[ADDRESS_SIZE], size_t *at)
{
	char text[ADDRESS_SIZE];
	size_t n = 0;

	if (local.n < 2 || local.p[0] != '"')
		return put_lower(buf, at, local);
	if (unquote(local, text, sizeof(text), &n) != 0)
		return -1;
	struct span plain = span_make(text, n);
	if (n > 0 && address_dot_string(plain, ADDRESS_ALLOW_UTF8) == n)
		return put_lower(buf, at, plain);
	if (put(buf, at, '"') != 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if ((text[i] == '"' || text[i] == '\\') &&
		    put(buf, at, '\\') != 0)
			return -1;
		if (put(buf, at, (char)span_lower(text[i])) != 0)
			return -1;
	}
	return put(buf, at, '"');
}

int
address_canonical(const struct address *a, char buf[ADDRESS_SIZE])
{
	char ascii[ADDRESS_DOMAIN_MAX + 1];
	struct span domain = a->domain;
	size_t at = 0;

	buf[0] = '\0';
	if (a->is_null)
		return 0;
	if (canonical_local(a->local, buf, &at) != 0)
		goto fail;
	if (domain.n == 0)
		return 0;
	if (!utf8_is_ascii(domain) &&
	    address_to_a_labels(domain, ascii, sizeof(ascii)) == 0)
		domain = span_of(ascii);
	if (put(buf, &at, '@') != 0 || put_lower(buf, &at, domain) != 0)
		goto fail;
	return 0;
fail:
	buf[0] = '\0';
	return -1;
}

int
address_text(const struct address *a, char buf[ADDRESS_SIZE])
{
	size_t n = a->local.n + (a->domain.n > 0 ? a->domain.n + 1 : 0);

	buf[0] = '\0';
	if (a->is_null)
		return 0;
	if (n >= ADDRESS_SIZE)
		return -1;
	if (a->local.n > 0)
		memcpy(buf, a->local.p, a->local.n);
	if (a->domain.n > 0) {
		buf[a->local.n] = '@';
		memcpy(buf + a->local.n + 1, a->domain.p, a->domain.n);
	}
	buf[n] = '\0';
	return 0;
}

void
address_split(const char *canonical, struct span *local, struct span *domain)
{
	struct span all = span_of(canonical);
	const char *at = strrchr(canonical, '@');

	if (at == NULL) {
		*local = all;
		*domain = span_skip(all, all.n);
		return;
	}
	*local = span_head(all, (size_t)(at - canonical));
	*domain = span_skip(all, local->n + 1);
}

bool
address_tag(struct span local, struct span *user, struct span *tag)
{
	long plus = span_find(local, '+', 0);

	/* "+tag" has no user, and a quoted text is one opaque name */
	if (plus <= 0 || local.p[0] == '"')
		return false;
	*user = span_head(local, (size_t)plus);
	*tag = span_skip(local, (size_t)plus + 1);
	return true;
}
