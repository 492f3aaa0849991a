#include "admin/admin_why.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* 90061 -> "1d" and the like: one unit is enough for a table. */
const char *
admin_why_span(int64_t s, char buf[32])
{
	static const struct {
		int64_t s;
		const char *unit;
	} units[] = { { 86400, "d" }, { 3600, "h" }, { 60, "m" }, { 1, "s" } };
	size_t i = 0;

	while (i < 3 && s < units[i].s)
		i++;
	(void)snprintf(buf, 32, "%" PRId64 "%s", s / units[i].s, units[i].unit);
	return buf;
}

static void
print_seconds(const struct admin_row *row, const char *key, const char *before)
{
	char text[32];

	if (admin_row_has(row, key))
		(void)printf("%s%s", before,
			     admin_why_span(admin_row_number(row, key), text));
}

void
admin_why_print(const struct admin_row *row)
{
	const char *verified = admin_row_text(row, "verified");

	(void)printf("address      %s\n", admin_row_text(row, "address"));
	if (!admin_row_bool(row, "routed")) {
		(void)printf("route        none: 550 5.1.2\n");
		return;
	}
	(void)printf("route        %s\n", admin_row_text(row, "route"));
	if (strcmp(verified, "unknown") == 0)
		(void)printf("verified     not yet: the receiver will be "
			     "asked\n");
	else if (strcmp(verified, "off") == 0)
		(void)printf("verified     never: [verify] enabled = no\n");
	else if (strcmp(verified, "not-asked") == 0)
		(void)printf("verified     never: the route leads to a "
			     "stranger\n");
	else {
		(void)printf("verified     %s: %s", verified,
			     admin_row_text(row, "reply"));
		print_seconds(row, "remembered", "; remembered for ");
		(void)fputc('\n', stdout);
	}
	(void)printf("deliveries   %" PRId64 " waiting, %" PRId64
		     " under way\n",
		     admin_row_number(row, "waiting"),
		     admin_row_number(row, "delivering"));
	if (admin_row_number(row, "failures") > 0) {
		(void)printf("destination  failed %" PRId64 " times: %s",
			     admin_row_number(row, "failures"),
			     admin_row_text(row, "why"));
		print_seconds(row, "next_try", "; next try in ");
		(void)fputc('\n', stdout);
	}
}

/* ---- servers and TLS ----------------------------------------------------
 */

static void
print_server(const struct admin_row *row)
{
	const char *host = admin_row_text(row, "host");

	(void)printf("server       %" PRId64 " %s [%s], %s; DANE: %s",
		     admin_row_number(row, "preference"), host,
		     admin_row_text(row, "addresses"),
		     admin_row_bool(row, "secure") ? "secure by DNSSEC"
						   : "not secured by DNSSEC",
		     admin_row_text(row, "dane"));
	if (admin_row_has(row, "sts"))
		(void)printf("; MTA-STS: %s", admin_row_bool(row, "sts")
						  ? "named"
						  : "not named");
	(void)fputc('\n', stdout);
}

static void
print_protection(const struct admin_row *row)
{
	(void)printf("tls          %s", admin_row_text(row, "tls"));
	if (admin_row_has(row, "remembered"))
		(void)printf("; remembered: %s",
			     admin_row_text(row, "remembered"));
	if (admin_row_has(row, "sts"))
		(void)printf("; MTA-STS: %s", admin_row_text(row, "sts"));
	(void)fputc('\n', stdout);
}

static void
print_remembered(const struct admin_row *row)
{
	char age[32], left[32];

	(void)printf("%s %s, seen %s ago, for %s more\n",
		     admin_row_text(row, "name"), admin_row_text(row, "level"),
		     admin_why_span(admin_row_number(row, "age"), age),
		     admin_why_span(admin_row_number(row, "left"), left));
}

bool
admin_why_more(const struct admin_row *row)
{
	const char *type = admin_row_text(row, "type");

	if (strcmp(type, "server") == 0)
		print_server(row);
	else if (strcmp(type, "protection") == 0)
		print_protection(row);
	else if (strcmp(type, "tls") == 0)
		print_remembered(row);
	else if (strcmp(type, "no-server") == 0)
		(void)printf("server       none: %" PRId64 " %s %s\n",
			     admin_row_number(row, "code"),
			     admin_row_text(row, "enhanced"),
			     admin_row_text(row, "reason"));
	else
		return false;
	return true;
}
