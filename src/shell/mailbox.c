#include "shell/mailbox.h"

#include <stdlib.h>
#include <string.h>

#include "mail/header.h"
#include "shell/session.h"
#include "shell/set.h"

enum { MAILBOX_TEXT_MAX = 256 * 1024 * 1024 };

void
mailbox_init(struct mailbox *b)
{
	*b = (struct mailbox){ 0 };
	arena_init(&b->text, MAILBOX_TEXT_MAX);
	buf_init(&b->raw, MIME_MESSAGE_MAX);
}

void
mailbox_clear(struct mailbox *b)
{
	free(b->v);
	free(b->last);
	arena_reset(&b->text);
	buf_free(&b->raw);
	mailbox_init(b);
}

struct message *
mailbox_at(struct mailbox *b, uint32_t n)
{
	if (n == 0 || n > b->n || b->v[n - 1].gone)
		return NULL;
	return &b->v[n - 1];
}

struct mailbox_count
mailbox_count(const struct mailbox *b)
{
	struct mailbox_count c = { 0 };

	for (uint32_t i = 0; i < b->n; i++) {
		const struct message *m = &b->v[i];

		c.all += !m->gone;
		c.unread += !m->gone && !m->seen;
		c.marked += !m->gone && m->deleted;
	}
	return c;
}

void
mailbox_remember(struct mailbox *b, uint32_t *numbers, uint32_t n)
{
	free(b->last);
	b->last = numbers;
	b->n_last = n;
}

int
mailbox_last_text(const struct mailbox *b, struct buf *out)
{
	size_t start = out->n;

	for (uint32_t i = 0, end; i < b->n_last; i = end) {
		for (end = i + 1; end < b->n_last; end++)
			if (b->last[end] != b->last[i] + (end - i))
				break;
		if (out->n > start && buf_add_char(out, ',') != 0)
			return -1;
		if (buf_addf(out, "%u", b->last[i]) != 0 ||
		    (end > i + 1 &&
		     buf_addf(out, ":%u", b->last[end - 1]) != 0))
			return -1;
	}
	return 0;
}

/* ---- merging --------------------------------------------------------------
 */

static int
by_uidl(const void *a, const void *b)
{
	const struct message *const *x = a, *const *y = b;

	return strcmp((*x)->uidl, (*y)->uidl);
}

static int
append(struct mailbox *b, const struct pop3_item *item, const char *uidl,
       struct err *e)
{
	struct message *m;

	if (b->n == MAILBOX_MAX)
		return err_set(e, ERR_LIMIT, 0, "more than %d messages",
			       MAILBOX_MAX);
	/* Room grows by powers of two: at 0, 64, 128, 256 ... */
	if (b->n == 0 || (b->n >= 64 && (b->n & (b->n - 1)) == 0)) {
		size_t room = b->n == 0 ? 64 : (size_t)b->n * 2;

		m = realloc(b->v, room * sizeof(*m));
		if (m == NULL)
			return err_set(e, ERR_TEMP, 0, "out of memory");
		b->v = m;
	}
	m = &b->v[b->n++];
	memset(m, 0, sizeof(*m));
	m->server = item->number;
	m->bytes = item->bytes;
	m->fresh = true;
	(void)snprintf(m->uidl, sizeof(m->uidl), "%s", uidl);
	return 0;
}

/* Take over what the server listed.  0 or -1 (LIMIT, TEMP). */
static int
mailbox_merge(struct mailbox *b, const struct pop3_item *items, uint32_t n,
	      struct err *e)
{
	uint32_t known = b->n;
	struct message **index = calloc(known + 1, sizeof(struct message *));
	uint32_t *found = calloc((size_t)n + 1, sizeof(*found));
	struct message key, *at = &key;
	int rc = -1;

	if (index == NULL || found == NULL) {
		(void)err_set(e, ERR_TEMP, 0, "out of memory");
		goto out;
	}
	for (uint32_t i = 0; i < known; i++) {
		index[i] = &b->v[i];
		b->v[i].server = 0;
	}
	qsort(index, known, sizeof(struct message *), by_uidl);
	for (uint32_t i = 0; i < n; i++) {
		struct message **hit;

		/* A server without UIDL: its order and sizes must do. */
		if (items[i].uidl[0] != '\0')
			memcpy(key.uidl, items[i].uidl, sizeof(key.uidl));
		else
			(void)snprintf(key.uidl, sizeof(key.uidl), "%u-%llu",
				       items[i].number,
				       (unsigned long long)items[i].bytes);
		hit = bsearch(&at, index, known, sizeof(struct message *),
			      by_uidl);
		if (hit != NULL && (*hit)->server == 0 && !(*hit)->gone) {
			(*hit)->server = items[i].number;
			continue;
		}
		found[i] = 1;
	}
	/* Only now may the array move: the index points into it. */
	for (uint32_t i = 0; i < n; i++) {
		if (found[i] == 0)
			continue;
		if (items[i].uidl[0] != '\0')
			memcpy(key.uidl, items[i].uidl, sizeof(key.uidl));
		else
			(void)snprintf(key.uidl, sizeof(key.uidl), "%u-%llu",
				       items[i].number,
				       (unsigned long long)items[i].bytes);
		if (append(b, &items[i], key.uidl, e) != 0)
			goto out;
	}
	for (uint32_t i = 0; i < known; i++)
		b->v[i].gone = b->v[i].gone || b->v[i].server == 0;
	b->loaded = true;
	rc = 0;
out:
	free(index);
	free(found);
	return rc;
}

/* ---- talking to the server ------------------------------------------------
 */

static int
list_messages(struct shell *sh)
{
	struct pop3_item *items = NULL;
	struct pop3_reply r = { 0 };
	struct err e = { 0 };
	uint32_t n = 0;
	int rc = SHELL_OK;

	if (pop3_client_list(sh->session.pop3, MAILBOX_MAX, &items, &n, &r,
			     &e) != 0)
		return session_lost_pop3(sh, &e);
	if (!r.ok)
		rc = session_pop3_refused(sh, &r);
	else if (mailbox_merge(&sh->box, items, n, &e) != 0)
		rc = failure_from_local(&sh->fail, &e);
	free(items);
	return rc;
}

int
mailbox_load(struct shell *sh, bool refresh)
{
	bool opened = false;
	int rc;

	/* Marks for deletion are kept here and given to the server at logout
	 * only, so that a QUIT in between never deletes anything. */
	if (refresh)
		session_close_pop3(sh);
	rc = session_pop3(sh, SESSION_PATIENT, &opened);
	if (rc != SHELL_OK || (!opened && sh->box.loaded))
		return rc;
	return list_messages(sh);
}

struct gather {
	struct shell *sh;
	const uint32_t *server; /* server number -> n */
	uint32_t n_server;
	struct err e;
};

static int
got_header(void *ctx, uint32_t number, struct span header)
{
	struct gather *g = ctx;
	struct message *m;

	if (number > g->n_server)
		return 0;
	m = mailbox_at(&g->sh->box, g->server[number]);
	if (m == NULL || header.n == 0)
		return 0;
	if (mime_summarise(header, &g->sh->box.text, &m->s, &g->e) != 0)
		return -1;
	m->summarised = true;
	return 0;
}

static void
empty_summary(struct message *m)
{
	if (m->summarised)
		return;
	m->s = (struct mime_summary){ .from = "",
				      .from_name = "",
				      .to = "",
				      .cc = "",
				      .subject = "",
				      .message_id = "",
				      .references = "" };
	m->summarised = true;
}

/* A whole header costs a TOP; without TOP the message is fetched. */
static int
summarise_slowly(struct shell *sh, const uint32_t *numbers, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct message *m = mailbox_at(&sh->box, numbers[i]);
		struct err e = { 0 };
		int rc;

		if (m == NULL || m->summarised)
			continue;
		rc = mailbox_fetch(sh, numbers[i]);
		if (rc != SHELL_OK)
			return rc;
		if (mime_summarise(
			span_head(buf_span(&sh->box.raw), MIME_HEADER_MAX),
			&sh->box.text, &m->s, &e) != 0)
			return failure_from_local(&sh->fail, &e);
		m->summarised = true;
	}
	return SHELL_OK;
}

int
mailbox_summarise(struct shell *sh, const uint32_t *numbers, uint32_t n)
{
	struct mailbox *b = &sh->box;
	struct gather g = { .sh = sh };
	uint32_t *ask = NULL, *map = NULL, n_ask = 0;
	struct err e = { 0 };
	int rc = mailbox_load(sh, false);

	if (rc != SHELL_OK)
		return rc;
	if ((pop3_client_capabilities(sh->session.pop3) & POP3_CAP_TOP) == 0)
		return summarise_slowly(sh, numbers, n);
	ask = calloc((size_t)n + 1, sizeof(*ask));
	map = calloc((size_t)MAILBOX_MAX + 1, sizeof(*map));
	if (ask == NULL || map == NULL) {
		rc = failure_set(&sh->fail, SHELL_LOCAL, "out of memory");
		goto out;
	}
	for (uint32_t i = 0; i < n; i++) {
		struct message *m = mailbox_at(b, numbers[i]);

		if (m == NULL || m->summarised || m->server > MAILBOX_MAX)
			continue;
		ask[n_ask++] = m->server;
		map[m->server] = numbers[i];
	}
	g.server = map;
	g.n_server = MAILBOX_MAX;
	if (n_ask > 0 && pop3_client_tops(sh->session.pop3, ask, n_ask,
					  got_header, &g, &e) != 0) {
		rc = session_lost_pop3(sh, g.e.msg[0] != '\0' ? &g.e : &e);
		goto out;
	}
	/* Those too that no server with its wits would number so high: nothing
	 * was asked about them, but they are listed. */
	for (uint32_t i = 0; i < n; i++) {
		struct message *m = mailbox_at(b, numbers[i]);

		if (m != NULL)
			empty_summary(m);
	}
out:
	free(ask);
	free(map);
	return rc;
}

static int
keep_piece(void *ctx, struct span bytes, struct err *e)
{
	struct buf *b = ctx;

	if (buf_add_span(b, bytes) != 0)
		return err_set(e, ERR_LIMIT, 0, "the message is over %d bytes",
			       MIME_MESSAGE_MAX);
	return 0;
}

int
mailbox_fetch(struct shell *sh, uint32_t n)
{
	struct mailbox *b = &sh->box;
	struct pop3_reply r = { 0 };
	struct err e = { 0 };
	struct message *m;
	int rc;

	if (b->raw_number == n && mailbox_at(b, n) != NULL)
		return SHELL_OK;
	rc = mailbox_load(sh, false);
	if (rc != SHELL_OK)
		return rc;
	m = mailbox_at(b, n);
	if (m == NULL || m->server == 0)
		return failure_set(&sh->fail, SHELL_REFUSED,
				   "message %u is not there any more", n);
	/* once it comes, only the connection's end would stop it */
	if (m->bytes > MIME_MESSAGE_MAX)
		return failure_set(&sh->fail, SHELL_LOCAL,
				   "message %u: over %d bytes", n,
				   MIME_MESSAGE_MAX);
	b->raw_number = 0;
	buf_clear(&b->raw);
	if (pop3_client_retr(sh->session.pop3, m->server, keep_piece, &b->raw,
			     &r, &e) != 0)
		return session_lost_pop3(sh, &e);
	if (!r.ok)
		return session_pop3_refused(sh, &r);
	b->raw_number = n;
	return SHELL_OK;
}

bool
mailbox_goes_on(const struct shell *sh, int rc)
{
	return rc != SHELL_OK && rc != SHELL_INTERRUPTED &&
	       sh->session.pop3 != NULL;
}

int
mailbox_commit(struct shell *sh)
{
	struct mailbox *b = &sh->box;
	struct pop3_reply r = { 0 };
	struct err e = { 0 };
	uint32_t marked = 0;
	int rc;

	for (uint32_t i = 0; i < b->n; i++)
		marked += b->v[i].deleted && !b->v[i].gone;
	if (marked == 0) {
		session_close_pop3(sh);
		return SHELL_OK;
	}
	rc = mailbox_load(sh, false);
	for (uint32_t i = 0; rc == SHELL_OK && i < b->n; i++) {
		const struct message *m = &b->v[i];

		if (!m->deleted || m->gone)
			continue;
		if (pop3_client_command(sh->session.pop3, &r, &e, "DELE %u",
					m->server) != 0)
			rc = session_lost_pop3(sh, &e);
		else if (!r.ok)
			rc = session_pop3_refused(sh, &r);
	}
	if (rc != SHELL_OK)
		return rc;
	if (pop3_client_quit(&sh->session.pop3, &r, &e) != 0)
		return failure_from_err(&sh->fail, &e);
	if (!r.ok) /* RFC 1939 6: some were not removed */
		return session_pop3_refused(sh, &r);
	for (uint32_t i = 0; i < b->n; i++)
		b->v[i].gone = b->v[i].gone || b->v[i].deleted;
	return SHELL_OK;
}
