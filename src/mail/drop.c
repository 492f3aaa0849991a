#include "mail/drop.h"

#include <errno.h>
#include <stdlib.h>

#include "mail/address.h"

static const char first_line[] = "postpair-maildrop 1";

/* ---- reading --------------------------------------------------------------
 */

static int
bad(struct err *e, int line, const char *what)
{
	return err_set(e, ERR_PERM, 0, "line %d: %s", line, what);
}

/* The next line without its LF; false when there is no whole one. */
static bool
next_line(struct span *rest, struct span *line)
{
	long lf = span_find(*rest, '\n', 0);

	if (lf < 0)
		return false;
	*line = span_head(*rest, (size_t)lf);
	*rest = span_skip(*rest, (size_t)lf + 1);
	return true;
}

/* "<address>", or "<>" where that is allowed. */
static int
take_path(struct span value, unsigned flags, struct span *path, bool *utf8)
{
	struct address a;
	struct span rest;

	if (address_parse_path(value, flags | ADDRESS_ALLOW_UTF8, &a, &rest,
			       NULL) != 0 ||
	    rest.n > 0)
		return -1;
	*utf8 = *utf8 || a.is_utf8;
	*path = span_make(value.p + 1, value.n - 2);
	/* a source route is nothing to be kept (RFC 5321 appendix C) */
	return path->n > 0 && path->p[0] == '@' ? -1 : 0;
}

static int
take_crc(struct span text, uint32_t *crc)
{
	static const char digits[] = "0123456789abcdef";

	*crc = 0;
	if (text.n != 8)
		return -1;
	for (size_t i = 0; i < text.n; i++) {
		const char *at = strchr(digits, text.p[i]);
		if (at == NULL || *at == '\0')
			return -1;
		*crc = *crc << 4 | (uint32_t)(at - digits);
	}
	return 0;
}

static int
take_message(struct span value, struct drop *d)
{
	struct span size = span_word(&value), crc = span_word(&value);
	uint64_t bytes = 0;

	if (value.n > 0 || span_u64(size, &bytes) != 0 || bytes > INT64_MAX ||
	    take_crc(crc, &d->crc) != 0)
		return -1;
	d->size_bytes = (int64_t)bytes;
	return 0;
}

/* The keys, in the order in which they stand. */
enum { FROM, RET, ENVID, NOTIFY, TO, MESSAGE, KEYS };
static const char *const keys[KEYS] = { "from",   "ret", "envid",
					"notify", "to",  "message" };

static int
take(struct drop *d, int key, struct span value)
{
	switch (key) {
	case FROM:
		return take_path(value, ADDRESS_ALLOW_NULL, &d->reverse_path,
				 &d->smtputf8);
	case RET:
		return dsn_ret_parse(value, &d->ret);
	case ENVID:
		d->envid = value;
		return dsn_envid_is_valid(value) ? 0 : -1;
	case NOTIFY:
		return dsn_notify_parse(value, &d->notify);
	case TO:
		if (d->n_to == DROP_RECIPIENTS_MAX)
			return -1;
		return take_path(value, 0, &d->to[d->n_to++], &d->smtputf8);
	default:
		return take_message(value, d);
	}
}

static int
key_of(struct span word)
{
	int i = 0;

	while (i < KEYS && !span_eq(word, span_of(keys[i])))
		i++;
	return i;
}

int
drop_parse(struct span text, struct drop *d, size_t *size, struct err *e)
{
	struct span rest = span_head(text, DROP_HEAD_MAX), line;
	int number = 1, last = -1;

	*d = (struct drop){ .ret = DSN_RET_NONE };
	if (!next_line(&rest, &line) || !span_eq(line, span_of(first_line)))
		return bad(e, number, "no maildrop file of version 1");
	for (;;) {
		number++;
		if (!next_line(&rest, &line))
			return bad(e, number, "the head has no end");
		if (line.n == 0)
			break;
		long blank = span_find(line, ' ', 0);
		if (blank < 0)
			return bad(e, number, "a key has no value");
		int key = key_of(span_head(line, (size_t)blank));
		/* each once and in order, but for `to` */
		if (key == KEYS || key < last || (key == last && key != TO) ||
		    (last < 0 && key != FROM) || (key == MESSAGE && last != TO))
			return bad(e, number, "a key is unknown or misplaced");
		if (take(d, key, span_skip(line, (size_t)blank + 1)) != 0)
			return bad(e, number, "a value is not valid");
		last = key;
	}
	if (last != MESSAGE)
		return bad(e, number, "a key is missing");
	*size = (size_t)(rest.p - text.p);
	return 0;
}

/* ---- writing --------------------------------------------------------------
 */

static int
add_head(const struct drop *d, struct buf *out)
{
	char notify[DSN_NOTIFY_SIZE];
	int rc = buf_addf(out, "%s\nfrom <%.*s>\n", first_line,
			  SPAN_ARG(d->reverse_path));

	if (d->ret != DSN_RET_NONE)
		rc |= buf_addf(out, "ret %s\n", dsn_ret_text(d->ret));
	if (d->envid.p != NULL)
		rc |= buf_addf(out, "envid %.*s\n", SPAN_ARG(d->envid));
	dsn_notify_text(d->notify, notify);
	if (d->notify != 0)
		rc |= buf_addf(out, "notify %s\n", notify);
	for (unsigned i = 0; i < d->n_to; i++)
		rc |= buf_addf(out, "to <%.*s>\n", SPAN_ARG(d->to[i]));
	return rc | buf_addf(out, "message %lld %08x\n\n",
			     (long long)d->size_bytes, (unsigned)d->crc);
}

/* What was written is read again: nothing leaves that a reader would refuse. */
int
drop_format(const struct drop *d, struct buf *out, struct err *e)
{
	size_t start = out->n, size = 0;
	struct drop *again = calloc(1, sizeof(*again));
	int rc = 0;

	if (again == NULL || add_head(d, out) != 0)
		rc = err_set(e, ERR_TEMP, errno, "maildrop file");
	else
		rc = drop_parse(span_skip(buf_span(out), start), again, &size,
				e);
	if (rc == 0 && (size != out->n - start || again->n_to != d->n_to))
		rc = err_set(e, ERR_PERM, 0, "an address is not valid");
	free(again);
	if (rc != 0)
		out->n = start;
	return rc;
}
