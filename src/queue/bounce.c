#include "queue/bounce.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "mail/address.h"
#include "mail/dsn.h"

enum {
	HEADER_KEPT = 64 * 1024, /* of the original, in the notification */
	BOUNCE_MAX = 4 * 1024 * 1024,
	STATUS_SIZE = 12,
};

/*
 * The status of RFC 3463 to report: the peer's own enhanced code when it gave
 * one ("550 5.1.1 ..."), else what its reply code stands for.
 */
static void
status_of(const char *reply, char status[STATUS_SIZE])
{
	struct span rest = span_of(reply);
	struct span code = span_word(&rest), word = span_word(&rest);
	unsigned dots = 0;
	bool ok = word.n >= 5 && word.n < STATUS_SIZE && word.p[1] == '.' &&
		  (word.p[0] == '5' || word.p[0] == '4');

	for (size_t i = 0; ok && i < word.n; i++) {
		dots += word.p[i] == '.';
		ok = span_is_digit(word.p[i]) || word.p[i] == '.';
	}
	if (ok && dots == 2)
		(void)span_copy(word, status, STATUS_SIZE);
	else if (code.n == 3 && code.p[0] == '5')
		memcpy(status, "5.0.0", 6);
	else
		memcpy(status, "4.4.7", 6); /* delivery time expired */
}

static void
log_dropped(const struct spool_msg *m, const unsigned *failed, size_t n)
{
	struct log_line l;

	log_begin(&l, LOG_WARN, "bounce-dropped");
	log_str(&l, "id", m->id);
	log_str(&l, "rcpt", m->recipients[failed[0]].address);
	log_num(&l, "rcpts", (int64_t)n);
	log_str(&l, "reason", "the reverse-path is null");
	log_end(&l);
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

static int
store(struct spool *s, const struct spool_msg *m, const char *id, int64_t now_s,
      struct span text, struct spool_msg **out, struct err *e)
{
	struct spool_to to = { .address = m->reverse_path };
	struct spool_envelope env = { .id = id,
				      .arrival_s = now_s,
				      .reverse_path = "",
				      .smtputf8 = m->smtputf8,
				      .to = &to,
				      .n_to = 1 };
	struct spool_writer *w = NULL;
	char canonical[ADDRESS_SIZE];

	if (canonical_of(m->reverse_path, canonical, e) != 0)
		return -1;
	const char *at = strrchr(canonical, '@');
	to.domain = at == NULL ? canonical : at + 1;
	if (spool_begin(&w, s, &env, e) != 0)
		return -1;
	if (spool_write(w, text, e) != 0) {
		spool_abort(&w);
		return -1;
	}
	return spool_commit(&w, out, e);
}

int
bounce_make(struct spool *s, const char *hostname, const struct spool_msg *m,
	    const unsigned *failed, size_t n, int64_t now_s,
	    struct spool_msg **out, struct err *e)
{
	struct dsn_recipient *list = NULL;
	char(*status)[STATUS_SIZE] = NULL;
	char id[RAND_ID_SIZE];
	struct buf header, text;
	int rc = -1;

	if (m->reverse_path[0] == '\0') {
		log_dropped(m, failed, n);
		return 0;
	}
	buf_init(&header, HEADER_KEPT);
	buf_init(&text, BOUNCE_MAX);
	list = calloc(n, sizeof(*list));
	status = calloc(n, sizeof(*status));
	if (list == NULL || status == NULL) {
		(void)err_set(e, ERR_TEMP, ENOMEM, "bounce");
		goto out;
	}
	for (size_t i = 0; i < n; i++) {
		const struct spool_rcpt *to = &m->recipients[failed[i]];
		status_of(to->reply, status[i]);
		list[i] = (struct dsn_recipient){
			.address = to->address,
			.action = DSN_FAILED,
			.status = status[i],
			.diagnostic = to->reply,
			.last_attempt_s = to->attempt_s,
		};
	}
	/* A damaged original is still reported, without its header. */
	if (spool_read_header(s, m, &header, e) != 0)
		buf_clear(&header);
	rand_id(id);
	struct dsn_facts f = { .id = id,
			       .host = hostname,
			       .to = m->reverse_path,
			       .arrival_s = m->arrival_s,
			       .now_s = now_s,
			       .recipients = list,
			       .n_recipients = n,
			       .original_header = buf_span(&header) };
	if (dsn_format(&f, &text, e) != 0 ||
	    store(s, m, id, now_s, buf_span(&text), out, e) != 0)
		goto out;
	rc = 1;
out:
	free(list);
	free(status);
	buf_free(&header);
	buf_free(&text);
	return rc;
}
