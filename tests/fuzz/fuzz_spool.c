/*
 * The input is an envelope (through its empty line) and result records.  It is
 * read as it stands, and again with right checksums, which chance would never
 * hit.  What is understood is written out again the same.
 */
#include "fuzz.h"

#include "base/crc32.h"
#include "queue/spool_format.h"

/* The envelope as the program itself would write it. */
static void
check_same(const struct spool_msg *m, struct span envelope)
{
	struct spool_to *to = calloc(m->n_recipients, sizeof(*to));
	struct spool_envelope env = { .id = m->id,
				      .arrival_s = m->arrival_s,
				      .reverse_path = m->reverse_path,
				      .smtputf8 = m->smtputf8,
				      .ret = m->ret,
				      .envid = m->envid,
				      .login = m->login,
				      .handed = m->handed,
				      .party = m->party,
				      .delivery = { m->delivery[0],
						    m->delivery[1] },
				      .to = to,
				      .n_to = m->n_recipients };
	struct spool_msg *again = NULL;
	char first[SPOOL_FIRST_SIZE + 1];
	struct buf out;
	struct err e;

	FUZZ_CHECK(to != NULL);
	for (unsigned i = 0; i < m->n_recipients; i++) {
		to[i].address = m->recipients[i].address;
		to[i].domain = m->recipients[i].domain;
		to[i].notify = m->recipients[i].notify;
		to[i].orcpt = m->recipients[i].orcpt;
		FUZZ_CHECK(to[i].address[0] != '\0' && to[i].domain[0] != '\0');
	}
	buf_init(&out, 2 * envelope.n + 200);
	FUZZ_CHECK(spool_format_envelope(&env, m->eight_bit, &out) == 0);
	spool_format_first(first, buf_span(&out), m->size, m->message_crc);
	FUZZ_CHECK(spool_parse_head(span_make(first, SPOOL_FIRST_SIZE),
				    buf_span(&out), &again, &e) == 0);
	FUZZ_CHECK(again->n_recipients == m->n_recipients);
	FUZZ_CHECK(strcmp(again->reverse_path, m->reverse_path) == 0);
	FUZZ_CHECK(again->ret == m->ret);
	FUZZ_CHECK(memcmp(again->delivery, m->delivery, sizeof(m->delivery)) ==
		   0);
	FUZZ_CHECK((again->handed == NULL) == (m->handed == NULL));
	FUZZ_CHECK(strcmp(spool_msg_party(again), spool_msg_party(m)) == 0);
	FUZZ_CHECK((again->envid == NULL) == (m->envid == NULL));
	for (unsigned i = 0; i < m->n_recipients; i++) {
		const struct spool_rcpt *a = &again->recipients[i];
		const struct spool_rcpt *b = &m->recipients[i];
		FUZZ_CHECK(strcmp(a->address, b->address) == 0);
		FUZZ_CHECK(a->notify == b->notify);
		FUZZ_CHECK((a->orcpt == NULL) == (b->orcpt == NULL));
		FUZZ_CHECK(a->orcpt == NULL || strcmp(a->orcpt, b->orcpt) == 0);
	}
	spool_msg_free(&again);
	buf_free(&out);
	free(to);
}

static void
check_records(struct spool_msg *m, struct span text)
{
	struct span rest = text;
	struct buf line;

	while (spool_parse_record(&rest, m) == 1)
		FUZZ_CHECK(rest.p + rest.n == text.p + text.n);
	buf_init(&line, text.n + 20);
	while (text.n > 0) {
		long lf = span_find(text, '\n', 0);
		struct span body =
		    span_head(text, lf < 0 ? text.n : (size_t)lf);
		buf_clear(&line);
		FUZZ_CHECK(buf_addf(&line, "%08x ",
				    (unsigned)crc32_add(0, body.p, body.n)) ==
			   0);
		FUZZ_CHECK(buf_add_span(&line, body) == 0);
		struct span torn = buf_span(&line);
		FUZZ_CHECK(spool_parse_record(&torn, m) == -1);
		FUZZ_CHECK(buf_add_char(&line, '\n') == 0);
		rest = buf_span(&line);
		int rc = spool_parse_record(&rest, m);
		FUZZ_CHECK(rc == (rest.n == 0 ? 1 : -1));
		text = span_skip(text, body.n + 1);
	}
	buf_free(&line);
	for (unsigned i = 0; i < m->n_recipients; i++)
		FUZZ_CHECK(m->recipients[i].reply == NULL ||
			   strlen(m->recipients[i].reply) <= SPOOL_REPLY_MAX);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span all = span_make((const char *)data, size);
	char first[SPOOL_FIRST_SIZE + 1];
	struct spool_msg *m = NULL;
	struct spool_first f;
	struct err e;

	if (size >= SPOOL_FIRST_SIZE) {
		(void)spool_parse_first(span_head(all, SPOOL_FIRST_SIZE), &f,
					&e);
		if (spool_parse_head(span_head(all, SPOOL_FIRST_SIZE),
				     span_skip(all, SPOOL_FIRST_SIZE), &m,
				     &e) == 0)
			spool_msg_free(&m);
	}
	const char *end = size == 0 ? NULL : memmem(data, size, "\n\n", 2);
	struct span envelope =
	    end == NULL ? all : span_head(all, (size_t)(end + 2 - all.p));
	if (envelope.n > SPOOL_ENVELOPE_MAX)
		return 0;
	spool_format_first(first, envelope, 0, 0);
	if (spool_parse_head(span_make(first, SPOOL_FIRST_SIZE), envelope, &m,
			     &e) != 0)
		return 0;
	check_same(m, envelope);
	check_records(m, span_skip(all, envelope.n));
	spool_msg_free(&m);
	return 0;
}
