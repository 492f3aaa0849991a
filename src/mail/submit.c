#include "mail/submit.h"

#include <errno.h>

#include "mail/address.h"
#include "mail/date.h"
#include "mail/header.h"

/* One word of a Received field that the client chose.  What is no domain and
 * no literal becomes harmless: no byte of it can end the line, open a comment
 * or look like the next clause. */
static int
add_word(struct buf *out, struct span s, bool utf8)
{
	s = span_head(s, ADDRESS_DOMAIN_MAX);
	if (s.n == 0)
		return buf_add_str(out, "unknown");
	if (address_domain_is_valid(s, utf8))
		return buf_add_span(out, s);
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool plain = span_is_digit(c) || c == '.' || c == '-' ||
			     c == '_' || c == ':' ||
			     (span_lower(c) >= 'a' && span_lower(c) <= 'z');
		if (buf_add_char(out, plain ? c : '?') != 0)
			return -1;
	}
	return 0;
}

/* Our own words: bounded, and safe should they ever stop being ours. */
static int
add_own(struct buf *out, struct span s)
{
	s = span_head(s, ADDRESS_SIZE);
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (buf_add_char(out, c < ' ' || c == 0x7f ? '?' : s.p[i]) != 0)
			return -1;
	}
	return 0;
}

static int
add_received(const struct received_facts *f, struct buf *out)
{
	struct span with = span_of(f->with);
	struct span address = span_of(f->address);
	bool utf8 = span_starts_nocase(with, span_of("UTF8"));
	bool six = span_find(address, ':', 0) >= 0;
	char date[DATE_SIZE];

	if (buf_add_str(out, "Received: from ") != 0 ||
	    add_word(out, span_of(f->helo), utf8) != 0)
		return -1;
	if (address.n > 0 &&
	    (buf_add_str(out, six ? " ([IPv6:" : " ([") != 0 ||
	     add_own(out, address) != 0 || buf_add_str(out, "])") != 0))
		return -1;
	if (buf_add_str(out, "\r\n\tby ") != 0 ||
	    add_own(out, span_of(f->by)) != 0 ||
	    buf_add_str(out, " with ") != 0 || add_own(out, with) != 0 ||
	    buf_add_str(out, " id ") != 0 ||
	    add_own(out, span_of(f->id)) != 0 ||
	    buf_add_str(out, "\r\n\t") != 0)
		return -1;
	/* Only ever one: a second address would show a blind copy to the
	 * others (RFC 5321 4.4, 7.6). */
	if (f->for_rcpt != NULL && (buf_add_str(out, "for <") != 0 ||
				    add_own(out, span_of(f->for_rcpt)) != 0 ||
				    buf_add_str(out, ">") != 0))
		return -1;
	if (f->tls_cipher != NULL &&
	    (buf_add_str(out, f->for_rcpt != NULL ? "\r\n\ttls " : "tls ") !=
		 0 ||
	     add_own(out, span_of(f->tls_cipher)) != 0))
		return -1;
	date_format(f->wall_s, date);
	return buf_addf(out, "; %s\r\n", date);
}

const char *
received_with(unsigned flags)
{
	/* plain, A, S, SA */
	static const char *const esmtp[] = { "ESMTP", "ESMTPA", "ESMTPS",
					     "ESMTPSA" };
	static const char *const lmtp[] = { "LMTP", "LMTPA", "LMTPS",
					    "LMTPSA" };
	static const char *const utf8_smtp[] = { "UTF8SMTP", "UTF8SMTPA",
						 "UTF8SMTPS", "UTF8SMTPSA" };
	static const char *const utf8_lmtp[] = { "UTF8LMTP", "UTF8LMTPA",
						 "UTF8LMTPS", "UTF8LMTPSA" };
	unsigned i = ((flags & RECEIVED_AUTH) != 0 ? 1 : 0) +
		     ((flags & RECEIVED_TLS) != 0 ? 2 : 0);
	bool utf8 = (flags & RECEIVED_UTF8) != 0;

	if ((flags & RECEIVED_LMTP) != 0)
		return utf8 ? utf8_lmtp[i] : lmtp[i];
	if ((flags & RECEIVED_ESMTP) == 0)
		return "SMTP";
	return utf8 ? utf8_smtp[i] : esmtp[i];
}

int
received_format(const struct received_facts *f, struct buf *out)
{
	size_t start = out->n;
	int rc = add_received(f, out);

	if (rc != 0)
		out->n = start;
	return rc;
}

/* What a pass over the block has seen. */
struct seen {
	bool date, message_id, from;
};

static bool
is_named(const struct header_field *f, const char *name)
{
	return span_eq_nocase(f->name, span_of(name));
}

/* After a buf_add that failed.  What is over the bound stays so. */
static int
no_room(const struct buf *out, struct err *e)
{
	if (errno == ENOMEM)
		return err_set(e, ERR_TEMP, ENOMEM, "header");
	return err_set(e, ERR_LIMIT, 0,
		       "with what is added to it the header is larger than "
		       "%zu octets",
		       out->max);
}

/* Copy the fields that stay.  *rest is what did not belong to the header. */
static int
copy_fields(struct span *rest, const struct submit_facts *facts,
	    struct seen *seen, struct buf *out, struct err *e)
{
	struct header_field f;
	struct span before = *rest;
	unsigned n = 0;

	for (; header_next(rest, &f); before = *rest) {
		if (f.name.n == 0) {
			*rest = before;
			return 1;
		}
		if (++n > HEADER_FIELDS_MAX)
			return err_set(e, ERR_LIMIT, 0,
				       "more than %d header fields",
				       HEADER_FIELDS_MAX);
		/* RFC 5322 3.6.3: the blind stay blind */
		if (is_named(&f, "Bcc") || is_named(&f, "Resent-Bcc"))
			continue;
		if (facts->sender != NULL && is_named(&f, "Sender"))
			continue;
		seen->date = seen->date || is_named(&f, "Date");
		seen->message_id =
		    seen->message_id || is_named(&f, "Message-ID");
		seen->from = seen->from || is_named(&f, "From");
		if (buf_add_span(out, f.whole) != 0)
			return no_room(out, e);
		/* the last line may have come without its end */
		if (f.whole.p[f.whole.n - 1] != '\n' &&
		    buf_add_str(out, "\r\n") != 0)
			return no_room(out, e);
	}
	return 0;
}

/* RFC 6409 8.1 to 8.3: what a message must have and this one has not. */
static int
add_missing(const struct submit_facts *f, const struct seen *seen,
	    struct buf *out)
{
	char date[DATE_SIZE];

	date_format(f->wall_s, date);
	if (!seen->from && f->reverse_path[0] != '\0' &&
	    buf_addf(out, "From: <%s>\r\n", f->reverse_path) != 0)
		return -1;
	if (!seen->from && f->reverse_path[0] == '\0' &&
	    buf_addf(out, "From: <MAILER-DAEMON@%s>\r\n", f->host) != 0)
		return -1;
	if (f->sender != NULL &&
	    buf_addf(out, "Sender: <%s>\r\n", f->sender) != 0)
		return -1;
	if (!seen->date && buf_addf(out, "Date: %s\r\n", date) != 0)
		return -1;
	if (!seen->message_id &&
	    buf_addf(out, "Message-ID: <%s@%s>\r\n", f->id, f->host) != 0)
		return -1;
	return buf_add_str(out, "\r\n");
}

int
submit_fix_header(struct span block, const struct submit_facts *f,
		  struct buf *out, struct err *e)
{
	struct seen seen = { .date = false };
	struct span rest = block;
	size_t start = out->n;

	if (block.n > HEADER_BLOCK_MAX)
		return err_set(e, ERR_LIMIT, 0,
			       "header is larger than %d octets",
			       HEADER_BLOCK_MAX);
	if (span_find(block, '\0', 0) >= 0)
		return err_set(e, ERR_PERM, 0, "NUL in the header");
	if (copy_fields(&rest, f, &seen, out, e) < 0)
		goto fail;
	if (add_missing(f, &seen, out) != 0 || buf_add_span(out, rest) != 0) {
		(void)no_room(out, e);
		goto fail;
	}
	return 0;
fail:
	out->n = start;
	return -1;
}
