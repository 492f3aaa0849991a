#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/admin.h"
#include "admin/admin_ask.h"
#include "admin/admin_why.h"
#include "base/clock.h"
#include "base/visible.h"
#include "mail/release.h"

enum {
	IDS_AT_ONCE = 200, /* in one request; the server's bound is higher */
	REQUEST_MAX = 8000,
};

/* What the answers are printed with. */
struct printer {
	bool json, head;
	int64_t hop_ms; /* when it began */
};

/* ---- answers ------------------------------------------------------------
 */

static const char *
size_text(int64_t n, char buf[32])
{
	static const char units[] = "BKMGT";
	size_t i = 0;

	while (n >= 10240 && i + 2 < sizeof(units)) {
		n /= 1024;
		i++;
	}
	(void)snprintf(buf, 32, "%" PRId64 "%c", n, units[i]);
	return buf;
}

/* "<>" for the null path. */
static const char *
path_text(const struct admin_row *row, const char *key)
{
	const char *s = admin_row_text(row, key);

	return s[0] == '\0' ? "<>" : s;
}

static void
print_message(struct printer *p, const struct admin_row *row)
{
	char age[32], size[32], next[32] = "-";
	int64_t undone = admin_row_number(row, "waiting") +
			 admin_row_number(row, "delivering");

	if (!p->head)
		(void)printf("%-16s %5s %6s %-10s %5s  %s\n", "ID", "AGE",
			     "SIZE", "STATE", "NEXT", "SENDER, RECIPIENT");
	p->head = true;
	if (admin_row_has(row, "next_try"))
		(void)admin_why_span(admin_row_number(row, "next_try"), next);
	(void)printf("%-16s %5s %6s %-10s %5s  %s %s",
		     admin_row_text(row, "id"),
		     admin_why_span(admin_row_number(row, "age"), age),
		     size_text(admin_row_number(row, "size"), size),
		     admin_row_text(row, "state"), next,
		     path_text(row, "sender"), path_text(row, "recipient"));
	if (undone > 1)
		(void)printf(" and %" PRId64 " more", undone - 1);
	(void)fputc('\n', stdout);
	if (span_eq(span_of(admin_row_text(row, "state")),
		    span_of("scheduled"))) {
		char date[RELEASE_DATE_SIZE];
		release_date_format(admin_row_number(row, "release"), date);
		(void)printf("%17sto be released at %s\n", "", date);
	}
	if (admin_row_has(row, "reply"))
		(void)printf("%17s%s\n", "", admin_row_text(row, "reply"));
}

/* Every line with the seconds since the first of its hop, or its time. */
static void
print_line(struct printer *p, const struct admin_row *row)
{
	const char *direction = admin_row_text(row, "direction");
	int64_t at_ms = admin_row_number(row, "at_ms");
	char when[32];

	if (direction[0] == '=' || p->hop_ms == 0) {
		p->hop_ms = at_ms;
		clock_utc_text(at_ms * 1000, when, sizeof(when));
		(void)printf("%s  %s\n", when, admin_row_text(row, "text"));
		return;
	}
	(void)printf("%11.3f %s %s\n", (double)(at_ms - p->hop_ms) / 1000,
		     direction, admin_row_text(row, "text"));
}

static void
see(void *ctx, const struct admin_row *row, struct span line)
{
	struct printer *p = ctx;
	struct span type = span_of(admin_row_text(row, "type"));

	if (p->json) {
		(void)visible_json(stdout, line);
		(void)fputc('\n', stdout);
	} else if (span_eq(type, span_of("message"))) {
		print_message(p, row);
	} else if (span_eq(type, span_of("recipient"))) {
		(void)printf("  %-10s %s\n", admin_row_text(row, "state"),
			     admin_row_text(row, "address"));
		if (admin_row_has(row, "reply"))
			(void)printf("%13s%s\n", "",
				     admin_row_text(row, "reply"));
	} else if (span_eq(type, span_of("line"))) {
		print_line(p, row);
	} else if (span_eq(type, span_of("why"))) {
		admin_why_print(row);
	} else if (admin_why_more(row)) {
		return;
	} else if (span_eq(type, span_of("damaged"))) {
		(void)fprintf(stderr,
			      "postpair-admin: %" PRId64
			      " lines of the trail are damaged\n",
			      admin_row_number(row, "lines"));
	} else if (span_eq(type, span_of("result"))) {
		const char *reason = admin_row_text(row, "reason");
		(void)printf("%s %s%s%s\n", admin_row_text(row, "id"),
			     admin_row_text(row, "result"),
			     reason[0] == '\0' ? "" : ": ", reason);
	}
}

/* ---- requests -----------------------------------------------------------
 */

/* "90", "90s", "5m", "2h", "3d" in seconds as text; -1: none of these. */
static int
age_of(const char *text, char *out, size_t size)
{
	static const char units[] = "smhd";
	static const int64_t seconds[] = { 1, 60, 3600, 86400 };
	struct span s = span_of(text);
	int64_t factor = 1;
	uint64_t n;

	const char *unit = s.n > 1 ? strchr(units, s.p[s.n - 1]) : NULL;
	if (unit != NULL) {
		factor = seconds[unit - units];
		s = span_head(s, s.n - 1);
	}
	if (span_u64(s, &n) != 0 || n == 0 || n > 1000000000)
		return -1;
	(void)snprintf(out, size, "%" PRIu64, n * (uint64_t)factor);
	return 0;
}

static int
add_filters(struct buf *b, const struct admin_options *o, struct err *e)
{
	char age[32] = "";
	const struct {
		const char *key, *value;
	} filters[] = { { "sender", o->sender },
			{ "recipient", o->recipient },
			{ "destination", o->destination },
			{ "older-than", o->older_than == NULL ? NULL : age } };

	if (o->older_than != NULL &&
	    age_of(o->older_than, age, sizeof(age)) != 0)
		return err_set(e, ERR_PERM, 0,
			       "'%s' is not a time such as 90s, 5m, 2h, 3d",
			       o->older_than);
	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
		if (filters[i].value != NULL &&
		    admin_ask_add(b, filters[i].key, filters[i].value) != 0)
			return err_set(e, ERR_PERM, errno, "filters");
	}
	if (o->all && admin_ask_add(b, "all", "yes") != 0)
		return err_set(e, ERR_PERM, errno, "filters");
	return 0;
}

/* Why the server could not be asked, as an exit status. */
static int
ask_failed(const struct err *e)
{
	if (e->sys == ENOENT || e->sys == ECONNREFUSED)
		return admin_fail(ADMIN_UNAVAILABLE, e);
	if (e->sys == EACCES || e->sys == EPERM)
		return admin_fail(ADMIN_NO_PERMISSION, e);
	return admin_fail(e->class == ERR_PERM ? ADMIN_USAGE : ADMIN_TEMP, e);
}

/* What is asked, and of how many words at a time. */
struct question {
	const char *verb, *key;
	unsigned words;
};

/* One request with as many words as go into one; *args steps on. */
static int
ask(const struct admin_options *o, const struct question *q, const char *dir,
    char ***args, int64_t *failed, struct printer *p)
{
	struct err e = { 0 };
	struct buf b;
	int64_t n = 0;
	int status = ADMIN_OK;

	buf_init(&b, REQUEST_MAX);
	int rc = buf_add_str(&b, q->verb);
	for (unsigned i = 0; i < q->words && **args != NULL && rc == 0; i++)
		rc = admin_ask_add(&b, q->key, *(*args)++);
	if (rc != 0) {
		(void)err_set(&e, ERR_PERM, errno, "the request");
		status = admin_fail(ADMIN_USAGE, &e);
	} else if (add_filters(&b, o, &e) != 0) {
		status = admin_fail(ADMIN_USAGE, &e);
	} else if (admin_ask(dir, buf_span(&b), see, p, &n, &e) != 0) {
		status = ask_failed(&e);
	}
	*failed += n;
	buf_free(&b);
	return status;
}

static int
ask_all(const struct admin_options *o, char **args, const struct question *q,
	bool *none)
{
	struct printer p = { .json = o->json };
	struct err e = { 0 };
	char *dir = NULL;
	int64_t failed = 0;
	int status;

	if (admin_config_data_dir(o->config_file, &dir, &e) != 0)
		return admin_fail(
		    e.sys == ENOENT ? ADMIN_NO_INPUT : ADMIN_CONFIG, &e);
	do
		status = ask(o, q, dir, &args, &failed, &p);
	while (status == ADMIN_OK && *args != NULL);
	free(dir);
	if (none != NULL)
		*none = status == ADMIN_OK && failed > 0;
	/* every one that failed was printed with its reason */
	return status == ADMIN_OK && failed > 0 ? ADMIN_DATA : status;
}

static int
queue(const struct admin_options *o, char **args, const char *verb)
{
	const struct question q = { verb, "id", IDS_AT_ONCE };

	return ask_all(o, args, &q, NULL);
}

int
admin_queue_list(const struct admin_options *o, char **args)
{
	return queue(o, args, "list");
}

int
admin_queue_show(const struct admin_options *o, char **args)
{
	const struct question q = { "show", "id", 1 };

	return ask_all(o, args, &q, NULL);
}

int
admin_queue_hold(const struct admin_options *o, char **args)
{
	return queue(o, args, "hold");
}

int
admin_queue_release(const struct admin_options *o, char **args)
{
	return queue(o, args, "release");
}

int
admin_queue_retry(const struct admin_options *o, char **args)
{
	return queue(o, args, "retry");
}

int
admin_queue_remove(const struct admin_options *o, char **args)
{
	return queue(o, args, "remove");
}

int
admin_queue_cancel(const struct admin_options *o, char **args)
{
	return queue(o, args, "cancel");
}

int
admin_queue_flush(const struct admin_options *o, char **args)
{
	return queue(o, args, "flush");
}

int
admin_trail(const struct admin_options *o, char **args)
{
	const struct question q = { "trail", "id", 1 };
	bool none = false;

	int status = ask_all(o, args, &q, &none);
	if (none)
		(void)fprintf(stderr, "postpair-admin: no trail of %s\n",
			      args[0]);
	return status;
}

int
admin_tls_list(const struct admin_options *o, char **args)
{
	const struct question q = { "tls-list", "", 0 };

	return ask_all(o, args, &q, NULL);
}

int
admin_tls_forget(const struct admin_options *o, char **args)
{
	const struct question q = { "tls-forget", "destination", 1 };

	return ask_all(o, args, &q, NULL);
}

int
admin_why(const struct admin_options *o, char **args)
{
	const struct question q = { "why", "address", 1 };

	return ask_all(o, args, &q, NULL);
}
