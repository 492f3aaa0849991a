/*
 * What strangers say of MTA-STS: the TXT record and the policy file, and our
 * own copy of it on disk.  What is understood is bounded and lower case, names
 * hosts, and is the same when it is written down again; nothing else matches.
 */
#include "fuzz.h"

#include "sender/sts_policy.h"
#include "sender/sts_store.h"

static void
check_mx(const struct sts_policy *p, const char *mx)
{
	char host[STS_MX_SIZE + 8];

	FUZZ_CHECK(strlen(mx) < STS_MX_SIZE && mx[0] != '\0');
	for (const char *c = mx; *c != '\0'; c++)
		FUZZ_CHECK((unsigned char)*c > 0x20 && *c < 0x7f &&
			   (*c < 'A' || *c > 'Z'));
	if (mx[0] != '*') {
		FUZZ_CHECK(sts_policy_matches(p, mx));
		return;
	}
	FUZZ_CHECK(mx[1] == '.');
	(void)snprintf(host, sizeof(host), "a%s", mx + 1);
	FUZZ_CHECK(sts_policy_matches(p, host));
	FUZZ_CHECK(!sts_policy_matches(p, mx + 1)); /* no label */
}

static void
check_policy(struct span text, struct sts_policy *p)
{
	struct err e = { 0 };

	if (sts_policy_parse(text, p, &e) != 0) {
		FUZZ_CHECK(e.class == ERR_PERM && e.msg[0] != '\0');
		return;
	}
	FUZZ_CHECK(p->n_mx <= STS_MX_MAX);
	FUZZ_CHECK(p->n_mx > 0 || p->mode == STS_NONE);
	FUZZ_CHECK(p->max_age_s >= 0 && p->max_age_s <= STS_AGE_MAX_S);
	for (unsigned i = 0; i < p->n_mx; i++)
		check_mx(p, p->mx[i]);
	FUZZ_CHECK(!sts_policy_matches(p, ""));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_make((const char *)data, size);
	struct sts_kept *k = calloc(1, sizeof(*k));
	char id[STS_ID_SIZE];

	FUZZ_CHECK(k != NULL);
	if (sts_record_parse(in, id) == 0)
		FUZZ_CHECK(id[0] != '\0' && strlen(id) < STS_ID_SIZE &&
			   memmem(data, size, id, strlen(id)) != NULL);
	check_policy(in, &k->policy);
	if (sts_store_parse(in, "a.example", k) == 0) {
		FUZZ_CHECK(k->id[0] != '\0' && k->fetched_s >= 0);
		FUZZ_CHECK(sts_store_parse(in, "b.example", k) != 0);
	}
	free(k);
	return 0;
}
