#include "store/maildir_name.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"

/* A size in a name is somebody's claim: what no mailbox can hold is not it. */
enum { HOST_KEPT = 32 };
static const uint64_t size_max = (uint64_t)1 << 46;

/* Take "X=digits" off a ",A=..,B=.." list; -1 when X is not there. */
static int64_t
size_field(struct span fields, char letter)
{
	while (fields.n > 0) {
		long comma = span_find(fields, ',', 0);
		struct span one =
		    comma < 0 ? fields : span_head(fields, (size_t)comma);
		uint64_t value = 0;
		if (one.n > 2 && one.p[0] == letter && one.p[1] == '=' &&
		    span_u64(span_skip(one, 2), &value) == 0 &&
		    value <= size_max)
			return (int64_t)value;
		if (comma < 0)
			break;
		fields = span_skip(fields, (size_t)comma + 1);
	}
	return -1;
}

static struct span
digits_at(struct span s, size_t from)
{
	size_t n = 0;
	struct span rest = span_skip(s, from);

	while (n < rest.n && span_is_digit(rest.p[n]))
		n++;
	return span_head(rest, n);
}

bool
maildir_name_parse(const char *name, struct maildir_name *n)
{
	struct span all = span_of(name);

	if (all.n == 0 || all.p[0] == '.' || all.n >= MAILDIR_NAME_SIZE)
		return false;
	long colon = span_find(all, ':', 0);
	n->base = colon < 0 ? all : span_head(all, (size_t)colon);
	struct span info = colon < 0 ? span_make(all.p + all.n, 0)
				     : span_skip(all, (size_t)colon);
	n->flags = info.n >= 3 && memcmp(info.p, ":2,", 3) == 0
		       ? span_skip(info, 3)
		       : span_make(all.p + all.n, 0);
	long comma = span_find(n->base, ',', 0);
	n->unique = comma < 0 ? n->base : span_head(n->base, (size_t)comma);
	struct span fields = comma < 0 ? span_make(all.p, 0)
				       : span_skip(n->base, (size_t)comma + 1);
	n->size = size_field(fields, 'S');
	n->vsize = size_field(fields, 'W');

	n->seconds = n->micros = 0;
	struct span sec = digits_at(all, 0);
	if (span_u64(sec, &n->seconds) != 0)
		n->seconds = 0;
	if (all.n > sec.n + 2 && memcmp(all.p + sec.n, ".M", 2) == 0 &&
	    span_u64(digits_at(all, sec.n + 2), &n->micros) != 0)
		n->micros = 0;
	return n->unique.n > 0;
}

void
maildir_name_unique(char buf[MAILDIR_NAME_SIZE], const char *host,
		    uint32_t count)
{
	int64_t now = clock_wall_us();
	char tail[HOST_KEPT + 1];
	size_t n = 0;

	/* '/' and ':' must not stand in a name; ',' would end the unique part;
	 * and a UIDL holds only printable ASCII. */
	for (; n < HOST_KEPT && host[n] != '\0'; n++) {
		char c = host[n];
		bool fit =
		    c > ' ' && c < 0x7f && c != '/' && c != ':' && c != ',';
		tail[n] = fit ? c : '_';
	}
	tail[n] = '\0';
	(void)snprintf(buf, MAILDIR_NAME_SIZE,
		       "%" PRId64 ".M%06" PRId64 "P%ldQ%" PRIu32 ".%s",
		       now / 1000000, now % 1000000, (long)getpid(), count,
		       n == 0 ? "localhost" : tail);
}

int
maildir_name_order(const struct maildir_name *a, const struct maildir_name *b)
{
	if (a->seconds != b->seconds)
		return a->seconds < b->seconds ? -1 : 1;
	if (a->micros != b->micros)
		return a->micros < b->micros ? -1 : 1;
	size_t n = a->base.n < b->base.n ? a->base.n : b->base.n;
	int c = memcmp(a->base.p, b->base.p, n);
	if (c != 0)
		return c;
	return a->base.n < b->base.n ? -1 : a->base.n > b->base.n;
}

int
maildir_name_seen(const char *name, bool sizes, char buf[MAILDIR_NAME_SIZE])
{
	struct maildir_name n;
	size_t before = 0;

	if (!maildir_name_parse(name, &n))
		return -1;
	/* Flags are letters in ASCII order. */
	while (before < n.flags.n && n.flags.p[before] < 'S')
		before++;
	bool has = before < n.flags.n && n.flags.p[before] == 'S';
	struct span base = sizes ? n.base : n.unique;
	int len =
	    snprintf(buf, MAILDIR_NAME_SIZE, "%.*s:2,%.*s%s%.*s",
		     SPAN_ARG(base), (int)before, n.flags.p, has ? "" : "S",
		     (int)(n.flags.n - before), n.flags.p + before);
	return len < 0 || len >= MAILDIR_NAME_SIZE ? -1 : 0;
}

int
maildir_name_apart(const char *name, const char *fresh,
		   char buf[MAILDIR_NAME_SIZE])
{
	struct maildir_name n;

	if (!maildir_name_parse(name, &n))
		return -1;
	/* sizes and flags stay; the sizes only where there is room */
	const char *rest[] = { n.unique.p + n.unique.n, n.base.p + n.base.n };
	for (size_t i = 0; i < 2; i++) {
		int len = snprintf(buf, MAILDIR_NAME_SIZE, "%" PRIu64 ".%s%s",
				   n.seconds, fresh, rest[i]);
		if (len > 0 && len < MAILDIR_NAME_SIZE)
			return 0;
	}
	return -1;
}

/* Names come from our own disk: what is wanted is a short id that stays. */
static const uint64_t other_basis = UINT64_C(1099511628211) * 31;

void
maildir_name_uidl(struct span unique, unsigned copy,
		  char buf[MAILDIR_UIDL_SIZE])
{
	bool fit = unique.n > 0 && unique.n <= MAILDIR_UIDL_MAX;
	int n = -1;

	for (size_t i = 0; fit && i < unique.n; i++)
		fit = unique.p[i] > 0x20 && unique.p[i] < 0x7f;
	if (fit && copy == 0)
		n = snprintf(buf, MAILDIR_UIDL_SIZE, "%.*s", SPAN_ARG(unique));
	else if (fit)
		n = snprintf(buf, MAILDIR_UIDL_SIZE, "%.*s.%u",
			     SPAN_ARG(unique), copy + 1);
	if (n > 0 && n < MAILDIR_UIDL_SIZE)
		return;
	(void)snprintf(buf, MAILDIR_UIDL_SIZE,
		       "x%016" PRIx64 "%016" PRIx64 ".%u",
		       hash_wide(unique, HASH_WIDE_BASIS),
		       hash_wide(unique, other_basis), copy + 1);
}
