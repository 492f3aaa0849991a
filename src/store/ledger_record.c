#include "store/ledger_record.h"

#include <errno.h>
#include <string.h>

#include "ids/ids.h"
#include "store/maildir.h"

enum { RECORD_VERSION = 1, HAS_BYTES = 1 };

/* ---- writing --------------------------------------------------------------
 */

static int
add_number(struct buf *out, uint64_t v, unsigned bytes)
{
	char le[8];

	for (unsigned i = 0; i < bytes; i++, v >>= 8)
		le[i] = (char)(v & 255);
	return buf_add(out, le, bytes);
}

static int
add_text(struct buf *out, struct span s)
{
	if (s.n > UINT16_MAX) {
		errno = EMSGSIZE;
		return -1;
	}
	return add_number(out, s.n, 2) != 0 ? -1 : buf_add_span(out, s);
}

int
ledger_record_accept(const struct ledger_accept *a,
		     const char *const *mailboxes, size_t n, struct buf *out)
{
	if (add_number(out, RECORD_VERSION, 1) != 0 ||
	    add_number(out, a->has_bytes ? HAS_BYTES : 0, 1) != 0 ||
	    buf_add(out, a->boot, sizeof(a->boot)) != 0 ||
	    add_text(out, a->id) != 0 || add_text(out, a->name) != 0 ||
	    add_text(out, a->holder) != 0 || add_number(out, n, 2) != 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (add_text(out, span_of(mailboxes[i])) != 0)
			return -1;
	}
	return add_number(out, a->size, 8);
}

int
ledger_record_gone(const char *mailbox, const char *unique, struct buf *out)
{
	if (add_number(out, RECORD_VERSION, 1) != 0 ||
	    add_text(out, span_of(mailbox)) != 0)
		return -1;
	return add_text(out, span_of(unique));
}

/* ---- reading --------------------------------------------------------------
 */

static int
take_number(struct span *rest, unsigned bytes, uint64_t *v)
{
	if (rest->n < bytes)
		return -1;
	*v = 0;
	for (unsigned i = bytes; i-- > 0;)
		*v = *v << 8 | (unsigned char)rest->p[i];
	*rest = span_skip(*rest, bytes);
	return 0;
}

static int
take_text(struct span *rest, struct span *s)
{
	uint64_t n;

	if (take_number(rest, 2, &n) != 0 || n > rest->n)
		return -1;
	*s = span_head(*rest, (size_t)n);
	*rest = span_skip(*rest, (size_t)n);
	return 0;
}

static bool
is_mailbox(struct span s)
{
	char text[LEDGER_MAILBOX_SIZE];

	return memchr(s.p, '\0', s.n) == NULL &&
	       span_copy(s, text, sizeof(text)) == 0 &&
	       maildir_mailbox_is_safe(text);
}

/* Printable bytes without a blank or slash. */
static bool
is_word(struct span s, size_t max)
{
	if (s.n == 0 || s.n > max)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c <= ' ' || c == 0x7f)
			return false;
	}
	return true;
}

/* A file name of ours in new/: no slash, no flags. */
static bool
is_name(struct span s)
{
	return is_word(s, MAILDIR_NAME_SIZE - 1) && s.p[0] != '.' &&
	       s.p[0] != ',' && memchr(s.p, '/', s.n) == NULL &&
	       memchr(s.p, ':', s.n) == NULL;
}

static int
take_mailboxes(struct span *rest, struct ledger_accept *a)
{
	struct span at, one;
	uint64_t n;

	if (take_number(rest, 2, &n) != 0 || n == 0 || n > LEDGER_MAILBOXES_MAX)
		return -1;
	at = *rest;
	for (uint64_t i = 0; i < n; i++) {
		if (take_text(rest, &one) != 0 || one.n == 0 ||
		    !is_mailbox(one))
			return -1;
	}
	a->n_mailboxes = (unsigned)n;
	a->mailboxes = span_head(at, at.n - rest->n);
	return 0;
}

int
ledger_record_parse_accept(struct span payload, struct ledger_accept *a)
{
	uint64_t version, flags;
	struct span rest = payload;

	if (take_number(&rest, 1, &version) != 0 || version != RECORD_VERSION ||
	    take_number(&rest, 1, &flags) != 0 || (flags & ~1u) != 0 ||
	    rest.n < LEDGER_BOOT_BYTES)
		return -1;
	memcpy(a->boot, rest.p, LEDGER_BOOT_BYTES);
	rest = span_skip(rest, LEDGER_BOOT_BYTES);
	if (take_text(&rest, &a->id) != 0 || take_text(&rest, &a->name) != 0 ||
	    take_text(&rest, &a->holder) != 0 ||
	    take_mailboxes(&rest, a) != 0 ||
	    take_number(&rest, 8, &a->size) != 0)
		return -1;
	a->has_bytes = flags == HAS_BYTES;
	a->bytes = rest;
	if ((a->id.n > 0 && !is_word(a->id, IDS_TEXT_MAX)) ||
	    !is_name(a->name) || a->holder.n == 0 || !is_mailbox(a->holder))
		return -1;
	return rest.n == (a->has_bytes ? a->size : 0) ? 0 : -1;
}

bool
ledger_record_mailbox(struct span *rest, char buf[LEDGER_MAILBOX_SIZE])
{
	struct span s;

	return rest->n > 0 && take_text(rest, &s) == 0 &&
	       span_copy(s, buf, LEDGER_MAILBOX_SIZE) == 0;
}

int
ledger_record_parse_gone(struct span payload, struct span *mailbox,
			 struct span *unique)
{
	uint64_t version;
	struct span rest = payload;

	if (take_number(&rest, 1, &version) != 0 || version != RECORD_VERSION ||
	    take_text(&rest, mailbox) != 0 || take_text(&rest, unique) != 0 ||
	    rest.n != 0 || unique->n == 0)
		return -1;
	return 0;
}
