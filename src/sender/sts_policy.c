#include "sender/sts_policy.h"

#include <stdio.h>
#include <string.h>

static const char *const modes[] = { "none", "testing", "enforce" };

enum { MODES = sizeof(modes) / sizeof(modes[0]) };

const char *
sts_mode_name(enum sts_mode mode)
{
	return modes[mode];
}

static bool
is_alnum(char c)
{
	unsigned char l = span_lower(c);

	return span_is_digit(c) || (l >= 'a' && l <= 'z');
}

/* ---- the record ---------------------------------------------------------
 */

/* Up to the next ';', without blanks around it. */
static struct span
take_field(struct span *rest)
{
	long end = span_find(*rest, ';', 0);
	struct span field = span_head(*rest, end < 0 ? rest->n : (size_t)end);

	*rest = span_skip(*rest, field.n + 1);
	return span_trim(field);
}

static int
take_id(struct span value, char id[STS_ID_SIZE])
{
	if (value.n == 0)
		return -1;
	for (size_t i = 0; i < value.n; i++) {
		if (!is_alnum(value.p[i]))
			return -1;
	}
	return span_copy(value, id, STS_ID_SIZE);
}

int
sts_record_parse(struct span text, char id[STS_ID_SIZE])
{
	bool seen = false;

	id[0] = '\0';
	if (!span_eq(take_field(&text), span_of("v=STSv1")))
		return -1;
	while (text.n > 0) {
		struct span field = take_field(&text);
		struct span key = span_of("id=");
		if (field.n < key.n || memcmp(field.p, key.p, key.n) != 0)
			continue; /* an extension, or the end */
		if (seen || take_id(span_skip(field, key.n), id) != 0)
			return -1;
		seen = true;
	}
	return seen ? 0 : -1;
}

/* ---- the policy ---------------------------------------------------------
 */

enum seen { SEEN_VERSION = 1, SEEN_MODE = 2, SEEN_AGE = 4 };

/* "mail.example.com" or "*.example.com"; of the latter only the first label is
 * a wildcard (3.2). */
static int
take_mx(struct sts_policy *p, struct span value, struct err *e)
{
	struct span name = value;

	if (p->n_mx == STS_MX_MAX)
		return err_set(e, ERR_PERM, 0, "more than %d mx", STS_MX_MAX);
	if (name.n > 2 && name.p[0] == '*' && name.p[1] == '.')
		name = span_skip(name, 2);
	for (size_t i = 0; i < name.n; i++) {
		bool dot = name.p[i] == '.';
		if (!is_alnum(name.p[i]) && name.p[i] != '-' &&
		    name.p[i] != '_' && !dot)
			return err_set(e, ERR_PERM, 0, "an mx is no host name");
		if (dot && (i == 0 || i + 1 == name.n || name.p[i - 1] == '.'))
			return err_set(e, ERR_PERM, 0, "an mx is no host name");
	}
	char *to = p->mx[p->n_mx];
	if (name.n == 0 || span_copy(value, to, STS_MX_SIZE) != 0)
		return err_set(e, ERR_PERM, 0, "an mx is no host name");
	for (; *to != '\0'; to++)
		*to = (char)span_lower(*to);
	p->n_mx++;
	return 0;
}

static int
take_mode(struct sts_policy *p, struct span value, struct err *e)
{
	for (unsigned i = 0; i < MODES; i++) {
		if (!span_eq(value, span_of(modes[i])))
			continue;
		p->mode = (enum sts_mode)i;
		return 0;
	}
	return err_set(e, ERR_PERM, 0, "unknown mode");
}

static int
take_age(struct sts_policy *p, struct span value, struct err *e)
{
	uint64_t age;

	if (value.n > 10 || span_u64(value, &age) != 0)
		return err_set(e, ERR_PERM, 0, "max_age is no number");
	p->max_age_s = age > STS_AGE_MAX_S ? STS_AGE_MAX_S : (int64_t)age;
	return 0;
}

/* One "key: value"; of a key that may stand once the first counts (3.2). */
static int
take_line(struct sts_policy *p, struct span line, unsigned *seen, struct err *e)
{
	long colon = span_find(line, ':', 0);

	if (colon <= 0)
		return err_set(e, ERR_PERM, 0, "a line is not 'key: value'");
	struct span key = span_trim(span_head(line, (size_t)colon));
	struct span value = span_trim(span_skip(line, (size_t)colon + 1));
	if (span_eq(key, span_of("version"))) {
		if ((*seen & SEEN_VERSION) == 0 &&
		    !span_eq(value, span_of("STSv1")))
			return err_set(e, ERR_PERM, 0, "unknown version");
		*seen |= SEEN_VERSION;
		return 0;
	}
	if (span_eq(key, span_of("mx")))
		return take_mx(p, value, e);
	bool mode = span_eq(key, span_of("mode"));
	unsigned which = mode                               ? SEEN_MODE
			 : span_eq(key, span_of("max_age")) ? SEEN_AGE
							    : 0;
	if (which == 0 || (*seen & which) != 0)
		return 0; /* an extension, or once more */
	*seen |= which;
	return mode ? take_mode(p, value, e) : take_age(p, value, e);
}

int
sts_policy_parse(struct span text, struct sts_policy *p, struct err *e)
{
	unsigned seen = 0;

	memset(p, 0, sizeof(*p));
	if (text.n > STS_POLICY_MAX)
		return err_set(e, ERR_PERM, 0, "over %d bytes", STS_POLICY_MAX);
	while (text.n > 0) {
		long end = span_find(text, '\n', 0);
		struct span line =
		    span_head(text, end < 0 ? text.n : (size_t)end);
		text = span_skip(text, line.n + 1);
		line = span_trim(line);
		if (line.n > 0 && take_line(p, line, &seen, e) != 0)
			return -1;
	}
	if (seen != (SEEN_VERSION | SEEN_MODE | SEEN_AGE))
		return err_set(e, ERR_PERM, 0,
			       "version, mode or max_age is missing");
	if (p->mode != STS_NONE && p->n_mx == 0)
		return err_set(e, ERR_PERM, 0, "no mx");
	return 0;
}

bool
sts_policy_matches(const struct sts_policy *p, const char *host)
{
	const char *dot = strchr(host, '.');

	for (unsigned i = 0; i < p->n_mx; i++) {
		const char *mx = p->mx[i];
		/* RFC 8461 4.1: the wildcard stands for exactly one label. */
		if (mx[0] == '*'
			? dot != NULL && dot != host && strcmp(dot, mx + 1) == 0
			: strcmp(host, mx) == 0)
			return true;
	}
	return false;
}
