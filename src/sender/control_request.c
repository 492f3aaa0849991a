#include "sender/control_request.h"

#include <stdlib.h>
#include <string.h>

/* What a verb takes. */
enum takes {
	TAKES_IDS = 1,
	TAKES_FILTER = 2,
	TAKES_ALL = 4,
	NEEDS_CHOICE = 8, /* ids, a filter or all=yes: never by accident */
	NEEDS_ONE_ID = 16,
	NEEDS_ADDRESS = 32,
	NEEDS_DESTINATION = 64,
};

static const struct {
	const char *name;
	unsigned takes;
} verbs[] = {
	[CONTROL_LIST] = { "list", TAKES_IDS | TAKES_FILTER },
	[CONTROL_SHOW] = { "show", TAKES_IDS | NEEDS_ONE_ID },
	[CONTROL_HOLD] = { "hold", TAKES_IDS | TAKES_FILTER | TAKES_ALL |
				       NEEDS_CHOICE },
	[CONTROL_RELEASE] = { "release", TAKES_IDS | TAKES_FILTER | TAKES_ALL |
					     NEEDS_CHOICE },
	[CONTROL_RETRY] = { "retry", TAKES_IDS | TAKES_FILTER | TAKES_ALL |
					 NEEDS_CHOICE },
	[CONTROL_REMOVE] = { "remove", TAKES_IDS | TAKES_FILTER | TAKES_ALL |
					   NEEDS_CHOICE },
	[CONTROL_CANCEL] = { "cancel", TAKES_IDS | TAKES_FILTER | TAKES_ALL |
					   NEEDS_CHOICE },
	[CONTROL_FLUSH] = { "flush", 0 },
	[CONTROL_TRAIL] = { "trail", TAKES_IDS | NEEDS_ONE_ID },
	[CONTROL_WHY] = { "why", NEEDS_ADDRESS },
	[CONTROL_TLS_LIST] = { "tls-list", 0 },
	[CONTROL_TLS_FORGET] = { "tls-forget", NEEDS_DESTINATION },
};

enum { VERBS = sizeof(verbs) / sizeof(verbs[0]) };

const char *
control_request_verb(enum control_verb v)
{
	return verbs[v].name;
}

static int
hex(char c)
{
	if (span_is_digit(c))
		return c - '0';
	unsigned char l = span_lower(c);
	return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

/* Undo the escapes into dst; control bytes have no place in any value. */
static int
unescape(struct span s, char *dst, size_t size, struct err *e)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		int c = (unsigned char)s.p[i];
		if (c == '%') {
			int high = i + 2 < s.n ? hex(s.p[i + 1]) : -1;
			int low = i + 2 < s.n ? hex(s.p[i + 2]) : -1;
			if (high < 0 || low < 0)
				return err_set(e, ERR_PERM, 0,
					       "not an escape: %%");
			c = high * 16 + low;
			i += 2;
		}
		if (c < 0x20 || c == 0x7f)
			return err_set(e, ERR_PERM, 0, "a control byte");
		if (n + 1 >= size)
			return err_set(e, ERR_PERM, 0, "a value too long");
		dst[n++] = (char)c;
	}
	dst[n] = '\0';
	return n > 0 ? 0 : err_set(e, ERR_PERM, 0, "an empty value");
}

static int
take_text(char *dst, size_t size, struct span value, struct err *e)
{
	if (dst[0] != '\0')
		return err_set(e, ERR_PERM, 0, "given twice");
	return unescape(value, dst, size, e);
}

static int
take_id(struct control_request *r, struct span value, struct err *e)
{
	if (r->n_ids >= CONTROL_IDS_MAX)
		return err_set(e, ERR_PERM, 0, "more than %d ids",
			       CONTROL_IDS_MAX);
	char *id = r->ids[r->n_ids];
	if (unescape(value, id, sizeof(r->ids[0]), e) != 0)
		return -1;
	for (const char *p = id; *p != '\0'; p++) {
		if (!span_is_digit(*p) && (*p < 'a' || *p > 'z'))
			return err_set(e, ERR_PERM, 0, "not a message id");
	}
	r->n_ids++;
	return 0;
}

static int
take_age(struct control_request *r, struct span value, struct err *e)
{
	uint64_t n;

	if (r->older_than_s > 0)
		return err_set(e, ERR_PERM, 0, "given twice");
	if (span_u64(value, &n) != 0 || n == 0 || n > INT64_MAX / 2000)
		return err_set(e, ERR_PERM, 0, "not a number of seconds");
	r->older_than_s = (int64_t)n;
	return 0;
}

static int
take(struct control_request *r, unsigned takes, struct span key,
     struct span value, struct err *e)
{
	if ((takes & TAKES_IDS) != 0 && span_eq(key, span_of("id")))
		return take_id(r, value, e);
	if ((takes & TAKES_FILTER) != 0) {
		if (span_eq(key, span_of("sender")))
			return take_text(r->sender, sizeof(r->sender), value,
					 e);
		if (span_eq(key, span_of("recipient")))
			return take_text(r->recipient, sizeof(r->recipient),
					 value, e);
		if (span_eq(key, span_of("destination")))
			return take_text(r->destination, sizeof(r->destination),
					 value, e);
		if (span_eq(key, span_of("older-than")))
			return take_age(r, value, e);
	}
	if ((takes & NEEDS_DESTINATION) != 0 &&
	    span_eq(key, span_of("destination")))
		return take_text(r->destination, sizeof(r->destination), value,
				 e);
	if ((takes & NEEDS_ADDRESS) != 0 && span_eq(key, span_of("address")))
		return take_text(r->address, sizeof(r->address), value, e);
	if ((takes & TAKES_ALL) != 0 && span_eq(key, span_of("all")) &&
	    span_eq(value, span_of("yes"))) {
		r->all = true;
		return 0;
	}
	return err_set(e, ERR_PERM, 0, "not understood here");
}

static int
compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void
sort_ids(struct control_request *r)
{
	unsigned n = 0;

	qsort(r->ids, r->n_ids, sizeof(r->ids[0]), compare);
	for (unsigned i = 0; i < r->n_ids; i++) {
		if (n > 0 && strcmp(r->ids[n - 1], r->ids[i]) == 0)
			continue;
		memmove(r->ids[n++], r->ids[i], sizeof(r->ids[0]));
	}
	r->n_ids = n;
}

int
control_request_find(const struct control_request *r, const char *id)
{
	const char *at =
	    bsearch(id, r->ids, r->n_ids, sizeof(r->ids[0]), compare);

	return at == NULL ? -1
			  : (int)((size_t)(at - r->ids[0]) / sizeof(r->ids[0]));
}

static int
check(const struct control_request *r, unsigned takes, struct err *e)
{
	bool chosen = r->n_ids > 0 || r->sender[0] != '\0' ||
		      r->recipient[0] != '\0' || r->destination[0] != '\0' ||
		      r->older_than_s > 0;

	if ((takes & NEEDS_CHOICE) != 0 && !chosen && !r->all)
		return err_set(e, ERR_PERM, 0,
			       "which messages? ids, a filter, or --all");
	if (chosen && r->all)
		return err_set(e, ERR_PERM, 0, "--all, or a choice, not both");
	if ((takes & NEEDS_ONE_ID) != 0 && r->n_ids != 1)
		return err_set(e, ERR_PERM, 0, "one id is needed");
	if ((takes & NEEDS_ADDRESS) != 0 && r->address[0] == '\0')
		return err_set(e, ERR_PERM, 0, "an address is needed");
	if ((takes & NEEDS_DESTINATION) != 0 && r->destination[0] == '\0')
		return err_set(e, ERR_PERM, 0, "a destination is needed");
	return 0;
}

int
control_request_parse(struct control_request *r, struct span line,
		      struct err *e)
{
	struct span rest = line, verb = span_word(&rest), word;
	unsigned v = 0;

	memset(r, 0, sizeof(*r));
	while (v < VERBS && !span_eq(verb, span_of(verbs[v].name)))
		v++;
	if (v == VERBS)
		return err_set(e, ERR_PERM, 0, "unknown request '%.*s'",
			       (int)span_head(verb, 20).n,
			       verb.n == 0 ? "" : verb.p);
	r->verb = (enum control_verb)v;
	while ((word = span_word(&rest)).n > 0) {
		long at = span_find(word, '=', 0);
		if (at <= 0)
			return err_set(e, ERR_PERM, 0, "key=value expected");
		struct span key = span_head(word, (size_t)at);
		if (take(r, verbs[v].takes, key,
			 span_skip(word, (size_t)at + 1), e) != 0)
			return err_prefix(e, "%.*s", (int)span_head(key, 20).n,
					  key.p);
	}
	sort_ids(r);
	return check(r, verbs[v].takes, e);
}
