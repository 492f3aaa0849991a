/*
 * The input is a file name in somebody's Maildir.  Its UIDL is always one that
 * POP3 may send, and marking it as seen changes nothing but the flags.
 */
#include "fuzz.h"

#include <string.h>

#include "store/maildir_name.h"

static void
check_uidl(struct span unique, unsigned copy)
{
	char uidl[MAILDIR_UIDL_SIZE], again[MAILDIR_UIDL_SIZE];

	maildir_name_uidl(unique, copy, uidl);
	maildir_name_uidl(unique, copy, again);
	FUZZ_CHECK(strcmp(uidl, again) == 0);
	FUZZ_CHECK(strlen(uidl) >= 1 && strlen(uidl) <= MAILDIR_UIDL_MAX);
	for (const char *p = uidl; *p != '\0'; p++)
		FUZZ_CHECK(*p > 0x20 && *p < 0x7f);
}

static void
check_seen(const char *name, const struct maildir_name *n)
{
	char seen[MAILDIR_NAME_SIZE], twice[MAILDIR_NAME_SIZE];
	struct maildir_name s;

	if (maildir_name_seen(name, true, seen) != 0) {
		FUZZ_CHECK(strlen(name) + 4 >= MAILDIR_NAME_SIZE);
		return;
	}
	FUZZ_CHECK(maildir_name_parse(seen, &s));
	FUZZ_CHECK(span_eq(s.base, n->base));
	FUZZ_CHECK(span_eq(s.unique, n->unique));
	FUZZ_CHECK(s.size == n->size && s.vsize == n->vsize);
	FUZZ_CHECK(span_find(s.flags, 'S', 0) >= 0);
	FUZZ_CHECK(s.flags.n >= n->flags.n && s.flags.n <= n->flags.n + 1);
	FUZZ_CHECK(maildir_name_order(n, &s) == 0);
	FUZZ_CHECK(maildir_name_seen(seen, true, twice) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct maildir_name n;
	char name[400];

	if (size >= sizeof(name))
		return 0;
	if (size > 0)
		memcpy(name, data, size);
	name[size] = '\0';
	if (!maildir_name_parse(name, &n))
		return 0;
	FUZZ_CHECK(n.unique.p == name && n.unique.n > 0);
	FUZZ_CHECK(n.base.p == name && n.base.n >= n.unique.n);
	FUZZ_CHECK(n.size >= -1 && n.vsize >= -1);
	FUZZ_CHECK(maildir_name_order(&n, &n) == 0);
	check_uidl(n.unique, 0);
	check_uidl(n.unique, 1);
	check_seen(name, &n);
	return 0;
}
