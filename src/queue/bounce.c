#include "queue/bounce.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "mail/address.h"
#include "mail/header.h"

enum {
	HEADER_KEPT = 64 * 1024, /* of the original, in the notification */
	FULL_MAX = 1024 * 1024,  /* larger ones are returned as a header */
	BOUNCE_MAX = 8 * 1024 * 1024,
	STATUS_SIZE = 12,
	PEER_SIZE = 320,
};

/* The class that a status must have (RFC 3464 2.3.4). */
static char
class_of(enum dsn_action a)
{
	switch (a) {
	case DSN_FAILED:
		return '5';
	case DSN_DELAYED:
		return '4';
	case DSN_DELIVERED:
	case DSN_RELAYED:
		return '2';
	}
	return '5';
}

/*
 * The status of RFC 3463 to report: the peer's own enhanced code when it gave
 * one ("550 5.1.1 ..."), else what its reply code stands for.  A failure may
 * have a 4: it was given up although it might have been delivered one day.
 */
static void
status_of(enum dsn_action action, const char *reply, char status[STATUS_SIZE])
{
	struct span rest = span_of(reply);
	struct span code = span_word(&rest), word = span_word(&rest);
	char class = class_of(action);
	unsigned dots = 0;
	bool ok = word.n >= 5 && word.n < STATUS_SIZE && word.p[1] == '.' &&
		  (word.p[0] == class || (class == '5' && word.p[0] == '4'));

	for (size_t i = 0; ok && i < word.n; i++) {
		dots += word.p[i] == '.';
		ok = span_is_digit(word.p[i]) || word.p[i] == '.';
	}
	if (ok && dots == 2)
		(void)span_copy(word, status, STATUS_SIZE);
	else if (class == '5' && (code.n != 3 || code.p[0] != '5'))
		memcpy(status, "4.4.7", 6); /* delivery time expired */
	else
		(void)snprintf(status, STATUS_SIZE, "%c.0.0", class);
}

static void
log_dropped(const struct spool_msg *m, const char *address, const char *reason)
{
	struct log_line l;

	log_begin(&l, LOG_WARN, "bounce-dropped");
	log_str(&l, "id", m->id);
	log_str(&l, "rcpt", address);
	log_str(&l, "reason", reason);
	log_end(&l);
}

bool
bounce_is_wanted(const struct spool_msg *m, unsigned recipient,
		 enum dsn_action action)
{
	unsigned notify = m->recipients[recipient].notify;

	/* The postmaster hears of failures alone. */
	if (m->reverse_path[0] == '\0' && action != DSN_FAILED)
		return false;
	switch (action) {
	case DSN_FAILED:
		return notify == 0 || (notify & DSN_NOTIFY_FAILURE) != 0;
	case DSN_DELAYED:
		return notify == 0 || (notify & DSN_NOTIFY_DELAY) != 0;
	case DSN_DELIVERED:
	case DSN_RELAYED:
		return (notify & DSN_NOTIFY_SUCCESS) != 0;
	}
	return false;
}

/* The domain that the reverse-path is routed by. */
static int
canonical_of(const char *path, char canonical[ADDRESS_SIZE], struct err *e)
{
	struct address a;

	if (address_parse_mailbox(span_of(path), ADDRESS_ALLOW_UTF8, &a, e) !=
	    0)
		return -1;
	if (address_canonical(&a, canonical) != 0)
		return err_set(e, ERR_PERM, 0, "reverse-path too long");
	return 0;
}

/* Are both mailboxes one? */
static bool
is_same(const char *a, const char *b)
{
	char x[ADDRESS_SIZE], y[ADDRESS_SIZE];
	struct err e;

	return canonical_of(a, x, &e) == 0 && canonical_of(b, y, &e) == 0 &&
	       strcmp(x, y) == 0;
}

/*
 * RFC 8689 5: a report tells of what it is about, so it wants of TLS what that
 * wanted.  And it is of the same party: all reports have one reverse-path, and
 * those that one login has caused would hold up everybody's.
 */
static int
store(const struct bounce_options *o, const struct dsn_facts *f,
      const struct spool_msg *m, struct span text, struct spool_msg **out,
      struct err *e)
{
	struct spool_to to = { .address = f->to };
	struct spool_envelope env = { .id = f->id,
				      .arrival_s = f->now_s,
				      .reverse_path = "",
				      .party = spool_msg_party(m),
				      .smtputf8 = m->smtputf8,
				      .tls = m->tls,
				      .to = &to,
				      .n_to = 1 };
	struct spool_writer *w = NULL;
	char canonical[ADDRESS_SIZE];

	if (canonical_of(f->to, canonical, e) != 0)
		return -1;
	const char *at = strrchr(canonical, '@');
	to.domain = at == NULL ? canonical : at + 1;
	if (spool_begin(&w, o->spool, &env, e) != 0)
		return -1;
	if (spool_write(w, text, e) != 0) {
		spool_abort(&w);
		return -1;
	}
	return spool_commit(&w, out, e);
}

/* A destination as RFC 3464 2.3.5 names a host: without its port, and as a
 * literal (RFC 5321 4.1.3) when it is an address. */
static const char *
name_peer(const char *peer, char host[PEER_SIZE])
{
	if (peer == NULL)
		return NULL;
	const char *colon = strrchr(peer, ':');
	struct span s = colon == NULL ? span_of(peer)
				      : span_make(peer, (size_t)(colon - peer));
	bool v4 = s.n > 0 && strspn(peer, "0123456789.") >= s.n;

	if (s.n > 0 && s.p[0] == '[')
		(void)snprintf(host, PEER_SIZE, "[IPv6:%.*s",
			       SPAN_ARG(span_skip(s, 1)));
	else
		(void)snprintf(host, PEER_SIZE, v4 ? "[%.*s]" : "%.*s",
			       SPAN_ARG(s));
	return host;
}

/* One report being made. */
struct report {
	const struct bounce_options *o;
	const struct spool_msg *m;
	struct dsn_recipient *list;
	char (*status)[STATUS_SIZE];
	char peer[PEER_SIZE]; /* of all events: they are of one attempt */
	size_t n;
	bool failure; /* one of them failed */
	struct buf original, text;
};

static void
choose(struct report *r, const struct bounce_event *v, size_t n,
       const struct dsn_facts *f)
{
	for (size_t i = 0; i < n; i++) {
		const struct spool_rcpt *to = &r->m->recipients[v[i].recipient];
		const char *reply = v[i].reply != NULL ? v[i].reply : to->reply;

		if (!bounce_is_wanted(r->m, v[i].recipient, v[i].action))
			continue;
		if (f->to_postmaster &&
		    (f->to == NULL || is_same(to->address, f->to))) {
			log_dropped(r->m, to->address,
				    f->to == NULL ? "the reverse-path is null"
						  : "it is the postmaster");
			continue;
		}
		status_of(v[i].action, reply, r->status[r->n]);
		r->list[r->n] = (struct dsn_recipient){
			.address = to->address,
			.orcpt = to->orcpt,
			.action = v[i].action,
			.status = r->status[r->n],
			.remote_host = name_peer(v[i].peer, r->peer),
			.diagnostic = reply,
			.last_attempt_s = to->attempt_s,
		};
		r->failure = r->failure || v[i].action == DSN_FAILED;
		r->n++;
	}
}

/*
 * What of the original is returned.  RET=FULL is for failures alone
 * (RFC 3461 4.3), for what a report can carry, and for what may be read on the
 * way (RFC 8689 5); else the header is.  A
 * damaged original is still reported, without it.
 */
static void
read_original(struct report *r, struct dsn_facts *f)
{
	bool full = r->m->ret == DSN_RET_FULL && r->failure &&
		    !f->to_postmaster && r->m->size <= FULL_MAX &&
		    r->m->tls != SPOOL_TLS_REQUIRED;
	struct err e;

	buf_init(&r->original, full ? FULL_MAX : HEADER_KEPT);
	int rc = full ? spool_read_all(r->o->spool, r->m, &r->original, &e)
		      : spool_read_header(r->o->spool, r->m, &r->original, &e);
	if (rc != 0)
		buf_clear(&r->original);
	f->original_header = buf_span(&r->original);
	if (!full)
		return;
	f->original_message = f->original_header;
	long end = header_block_end(f->original_header);
	if (end >= 0)
		f->original_header = span_head(f->original_header, (size_t)end);
}

static int
make(struct report *r, const struct bounce_event *v, size_t n,
     struct dsn_facts *f, struct spool_msg **out, struct err *e)
{
	r->list = calloc(n, sizeof(*r->list));
	r->status = calloc(n, sizeof(*r->status));
	if (r->list == NULL || r->status == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "bounce");
	choose(r, v, n, f);
	if (r->n == 0)
		return 0;
	read_original(r, f);
	f->recipients = r->list;
	f->n_recipients = r->n;
	/* RFC 6533 6: what is not ASCII goes where SMTPUTF8 is */
	if (dsn_format(f, &r->text, e) != 0 ||
	    store(r->o, f, r->m, buf_span(&r->text), out, e) != 0)
		return -1;
	return 1;
}

int
bounce_make(const struct bounce_options *o, const struct spool_msg *m,
	    const struct bounce_event *v, size_t n, int64_t now_s,
	    struct spool_msg **out, struct err *e)
{
	struct report r = { .o = o, .m = m };
	char id[RAND_ID_SIZE];

	if (n == 0)
		return 0;
	rand_id(id);
	bool none = m->reverse_path[0] == '\0';
	struct dsn_facts f = { .id = id,
			       .host = o->hostname,
			       .to = none ? o->postmaster : m->reverse_path,
			       .to_postmaster = none,
			       .envid = m->envid,
			       .release = m->release,
			       .arrival_s = m->arrival_s,
			       .now_s = now_s };
	buf_init(&r.text, BOUNCE_MAX);
	int rc = make(&r, v, n, &f, out, e);
	free(r.list);
	free(r.status);
	buf_free(&r.original);
	buf_free(&r.text);
	return rc;
}
