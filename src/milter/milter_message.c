#include "milter/milter_message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mail/dsn_param.h"

void
milter_message_init(struct milter_message *m, int dirfd, int64_t size_max)
{
	*m = (struct milter_message){ .sender_canonical = "",
				      .sender_text = "" };
	buf_init(&m->block, HEADER_BLOCK_MAX);
	milter_body_init(&m->body, dirfd, size_max);
	arena_init(&m->arena, MILTER_MESSAGE_ARENA);
}

void
milter_message_clear(struct milter_message *m)
{
	milter_header_clear(&m->header);
	buf_free(&m->block);
	milter_body_clear(&m->body);
	free(m->rcpt);
	m->rcpt = NULL;
	m->n_rcpt = m->cap = 0;
	arena_reset(&m->arena);
}

int
milter_message_add_rcpt(struct milter_message *m, const struct milter_rcpt *r,
			struct err *e)
{
	if (m->n_rcpt >= MILTER_RECIPIENTS_MAX)
		return err_set(e, ERR_LIMIT, 0, "over %d recipients",
			       MILTER_RECIPIENTS_MAX);
	if (m->n_rcpt == m->cap) {
		unsigned cap = m->cap == 0 ? 8 : m->cap * 2;
		struct milter_rcpt *v = realloc(m->rcpt, cap * sizeof(*v));
		if (v == NULL)
			return err_set(e, ERR_TEMP, ENOMEM, "recipients");
		m->rcpt = v;
		m->cap = cap;
	}
	m->rcpt[m->n_rcpt++] = *r;
	return 0;
}

unsigned
milter_message_recipients(const struct milter_message *m)
{
	unsigned n = 0;

	for (unsigned i = 0; i < m->n_rcpt; i++)
		n += !m->rcpt[i].gone;
	return n;
}

/* ---- collecting -----------------------------------------------------------
 */

void
milter_edits_init(struct milter_edits *x, int dirfd, int64_t size_max)
{
	*x = (struct milter_edits){ 0 };
	buf_init(&x->packets, MILTER_EDITS_MAX);
	milter_body_init(&x->body, dirfd, size_max);
}

void
milter_edits_clear(struct milter_edits *x)
{
	buf_free(&x->packets);
	milter_body_clear(&x->body);
	x->has_body = false;
}

int
milter_edits_add(struct milter_edits *x, struct span packet,
		 const struct milter_reply *r, struct err *e)
{
	uint32_t n = (uint32_t)packet.n;

	if (r->what == MILTER_REPLBODY) {
		x->has_body = true;
		return milter_body_add_foreign(&x->body, r->text, e);
	}
	if (buf_reserve(&x->packets, sizeof(n) + packet.n) != 0)
		return errno == ENOMEM ? err_set(e, ERR_TEMP, ENOMEM, "changes")
				       : err_set(e, ERR_LIMIT, 0,
						 "over %d bytes of changes",
						 MILTER_EDITS_MAX);
	(void)buf_add(&x->packets, &n, sizeof(n));
	(void)buf_add_span(&x->packets, packet);
	x->n++;
	return 0;
}

/* ---- doing ----------------------------------------------------------------
 */

/* "<a@b>", "a@b", for a sender also "<>" or "". */
static int
parse_address(const struct milter_message *m, struct span text, bool sender,
	      char canonical[ADDRESS_SIZE], char as_text[ADDRESS_SIZE],
	      struct err *e)
{
	unsigned flags = sender ? ADDRESS_ALLOW_NULL : ADDRESS_ALLOW_POSTMASTER;
	struct address a = { .is_null = true };
	struct span rest = { NULL, 0 };
	int rc = 0;

	if (m->utf8)
		flags |= ADDRESS_ALLOW_UTF8;
	text = span_trim(text);
	if (text.n > 0 && text.p[0] == '<')
		rc = address_parse_path(text, flags, &a, &rest, e);
	else if (text.n > 0 || !sender)
		rc = address_parse_mailbox(text, flags, &a, e);
	if (rc == 0 && rest.n == 0 && address_canonical(&a, canonical) == 0 &&
	    address_text(&a, as_text) == 0)
		return 0;
	return err_set(e, ERR_PROTO, 0, "no address: %.*s",
		       SPAN_ARG(span_head(text, 100)));
}

static int
change_sender(struct milter_message *m, struct span text, struct err *e)
{
	char canonical[ADDRESS_SIZE], as_text[ADDRESS_SIZE];

	if (parse_address(m, text, true, canonical, as_text, e) != 0)
		return -1;
	m->sender_canonical = arena_str(&m->arena, span_of(canonical));
	m->sender_text = arena_str(&m->arena, span_of(as_text));
	m->envelope_changed = true;
	return m->sender_canonical != NULL && m->sender_text != NULL
		   ? 0
		   : err_set(e, ERR_TEMP, ENOMEM, "sender");
}

/* NOTIFY and ORCPT are known (RFC 3461 4.1, 4.2); what else a milter wants for
 * its recipient has no meaning here. */
static int
take_arguments(struct milter_message *m, struct span rest,
	       struct milter_rcpt *r, struct err *e)
{
	const struct span notify = span_of("NOTIFY="),
			  orcpt = span_of("ORCPT=");

	for (;;) {
		struct span word = span_word(&rest);
		bool bad = false;
		if (word.n == 0)
			return 0;
		if (span_starts_nocase(word, notify)) {
			bad = dsn_notify_parse(span_skip(word, notify.n),
					       &r->notify) != 0;
		} else if (span_starts_nocase(word, orcpt)) {
			struct span v = span_skip(word, orcpt.n);
			bad = !dsn_orcpt_is_valid(v, m->utf8);
			r->orcpt = bad ? NULL : arena_str(&m->arena, v);
		}
		if (bad)
			return err_set(e, ERR_PROTO, 0,
				       "bad parameter of a recipient: %.*s",
				       SPAN_ARG(span_head(word, 60)));
	}
}

static struct milter_rcpt *
find_rcpt(struct milter_message *m, const char *canonical)
{
	for (unsigned i = 0; i < m->n_rcpt; i++) {
		if (strcmp(m->rcpt[i].canonical, canonical) == 0)
			return &m->rcpt[i];
	}
	return NULL;
}

static int
add_rcpt(struct milter_message *m, const struct milter_reply *r, struct err *e)
{
	char canonical[ADDRESS_SIZE], as_text[ADDRESS_SIZE];
	struct milter_rcpt n = { .from = -1 };

	if (parse_address(m, r->address, false, canonical, as_text, e) != 0)
		return -1;
	struct milter_rcpt *old = find_rcpt(m, canonical);
	if (old != NULL && !old->gone)
		return 0; /* has it already: nothing is delivered twice */
	m->envelope_changed = true;
	if (old != NULL) {
		old->gone = false;
		return 0;
	}
	n.canonical = arena_str(&m->arena, span_of(canonical));
	n.text = arena_str(&m->arena, span_of(as_text));
	if (n.canonical == NULL || n.text == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "recipient");
	return take_arguments(m, r->arguments, &n, e) == 0
		   ? milter_message_add_rcpt(m, &n, e)
		   : -1;
}

static int
delete_rcpt(struct milter_message *m, struct span text, struct err *e)
{
	char canonical[ADDRESS_SIZE], as_text[ADDRESS_SIZE];

	if (parse_address(m, text, false, canonical, as_text, e) != 0)
		return -1;
	for (unsigned i = 0; i < m->n_rcpt; i++) {
		struct milter_rcpt *r = &m->rcpt[i];
		if (!r->gone && strcmp(r->canonical, canonical) == 0)
			r->gone = m->envelope_changed = true;
	}
	return 0;
}

static void
quarantine(struct milter_message *m, struct span reason)
{
	size_t n = reason.n < MILTER_REASON_MAX ? reason.n : MILTER_REASON_MAX;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)reason.p[i];
		m->quarantine[i] = c >= 0x20 && c != 0x7f ? reason.p[i] : '?';
	}
	m->quarantine[n] = '\0';
	if (n == 0)
		memcpy(m->quarantine, "quarantine", sizeof("quarantine"));
}

static int
apply_one(struct milter_message *m, const struct milter_reply *r, bool spaced,
	  struct err *e)
{
	struct milter_value v = { r->name, r->value, spaced };

	switch (r->what) {
	case MILTER_ADDHEADER:
		return milter_header_add(&m->header, &v, e);
	case MILTER_INSHEADER:
		return milter_header_insert(&m->header, r->index, &v, e);
	case MILTER_CHGHEADER:
		return milter_header_change(&m->header, r->index, &v, e);
	case MILTER_ADDRCPT:
	case MILTER_ADDRCPT_PAR:
		return add_rcpt(m, r, e);
	case MILTER_DELRCPT:
		return delete_rcpt(m, r->address, e);
	case MILTER_CHGFROM:
		return change_sender(m, r->address, e);
	case MILTER_QUARANTINE:
		quarantine(m, r->text);
		return 0;
	case MILTER_REPLBODY:
	case MILTER_SHUTDOWN:
	case MILTER_ACCEPT:
	case MILTER_CONTINUE:
	case MILTER_DISCARD:
	case MILTER_CONN_FAIL:
	case MILTER_PROGRESS:
	case MILTER_REJECT:
	case MILTER_SKIP:
	case MILTER_TEMPFAIL:
	case MILTER_REPLYCODE:
		break;
	}
	return err_set(e, ERR_BUG, 0, "'%c' changes nothing", (char)r->what);
}

int
milter_message_apply(struct milter_message *m, struct milter_edits *x,
		     bool spaced, struct err *e)
{
	struct span rest = buf_span(&x->packets);

	while (rest.n > 0) {
		struct milter_reply r;
		uint32_t n;
		memcpy(&n, rest.p, sizeof(n));
		rest = span_skip(rest, sizeof(n));
		if (milter_reply_parse(span_head(rest, n), &r, e) != 0 ||
		    apply_one(m, &r, spaced, e) != 0)
			return -1;
		rest = span_skip(rest, n);
	}
	milter_header_settle(&m->header);
	if (!x->has_body)
		return 0;
	if (milter_body_end_foreign(&x->body, e) != 0)
		return -1;
	struct milter_body old = m->body;
	m->body = x->body;
	x->body = old;
	return 0;
}
