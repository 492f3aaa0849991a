#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/dns_private.h"

enum { RCODE_REFUSED = 5 };

static enum dns_status
status_of(const struct ub_result *r)
{
	if (r->bogus)
		return DNS_FAILED;
	if (r->nxdomain)
		return DNS_NO_NAME;
	if (r->rcode != 0)
		return DNS_FAILED;
	return r->havedata ? DNS_OK : DNS_NO_DATA;
}

/* What may stand in a log. */
static void
say_why(struct dns_answer *a, const char *why, const char *more)
{
	(void)snprintf(a->why, sizeof(a->why), "%s%s%s", why,
		       more != NULL ? ": " : "", more != NULL ? more : "");
	for (char *p = a->why; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f)
			*p = '?';
	}
}

static void
copy_records(struct dns_answer *a, const struct ub_result *r)
{
	size_t used = 0;

	for (int i = 0; r->data[i] != NULL; i++) {
		size_t n = (size_t)r->len[i];
		if (a->n == DNS_RECORDS_MAX || n > DNS_ANSWER_BYTES - used) {
			a->cut = true;
			return;
		}
		memcpy(a->bytes + used, r->data[i], n);
		a->rdata[a->n++] = span_make(a->bytes + used, n);
		used += n;
	}
}

/* Only a host name; whatever else CNAMEs lead to has no records for us. */
static void
copy_canonical(struct dns_answer *a, const char *name)
{
	size_t n = strlen(name);

	if (n > 0 && name[n - 1] == '.')
		n--;
	if (n >= DNS_NAME_SIZE)
		return;
	for (size_t i = 0; i < n; i++) {
		char c = (char)span_lower(name[i]);
		if (!span_is_digit(c) && (c < 'a' || c > 'z') && c != '-' &&
		    c != '_' && c != '.') {
			a->canonical[0] = '\0';
			return;
		}
		a->canonical[i] = c;
	}
}

struct dns_answer *
dns_answer_copy(const struct ub_result *r)
{
	size_t bytes = 0;

	for (int i = 0; r->havedata && r->data[i] != NULL; i++)
		bytes += (size_t)r->len[i];
	if (bytes > DNS_ANSWER_BYTES)
		bytes = DNS_ANSWER_BYTES;
	struct dns_answer *a = calloc(1, sizeof(*a) + bytes);
	if (a == NULL)
		return NULL;
	a->status = status_of(r);
	a->security = r->bogus    ? DNS_BOGUS
		      : r->secure ? DNS_SECURE
				  : DNS_INSECURE;
	if (r->bogus)
		say_why(a, "DNSSEC validation failed", r->why_bogus);
	else if (a->status == DNS_FAILED)
		say_why(a,
			r->rcode == RCODE_REFUSED ? "the name server refuses"
						  : "the name server failed",
			NULL);
	a->ttl_s = r->ttl;
	if (r->canonname != NULL)
		copy_canonical(a, r->canonname);
	if (a->status == DNS_OK)
		copy_records(a, r);
	return a;
}

/* libunbound itself could not. */
struct dns_answer *
dns_answer_failed(int rc)
{
	struct dns_answer *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->status = DNS_FAILED;
	say_why(a, "resolver", ub_strerror(rc));
	return a;
}
