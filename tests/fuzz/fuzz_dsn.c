/*
 * The input's lines are what others wrote: recipient, original recipient,
 * peer's name, peer's reply, envelope id, reverse-path, and then the header of
 * the original; as a header alone, and as a whole message.  The report keeps
 * its shape: CRLF lines, four boundaries, one recipient group.
 */
#include "fuzz.h"

#include "mail/dsn.h"
#include "mail/header.h"

enum { TEXTS = 6, TEXT_SIZE = 3000 };

static size_t
count(struct span s, const char *what)
{
	size_t n = 0, len = strlen(what);

	for (size_t i = 0; i + len <= s.n; i++)
		n += memcmp(s.p + i, what, len) == 0 ? 1 : 0;
	return n;
}

static void
check_report(struct span report)
{
	const char boundary[] = "\r\n--=_report_d1";
	size_t last = 0;

	/* up to the quoted header nothing of the report is the peer's to say */
	FUZZ_CHECK(count(report, boundary) >= 4);
	for (size_t i = 0; i < report.n; i++) {
		if (report.p[i] == '\n')
			FUZZ_CHECK(i > 0 && report.p[i - 1] == '\r');
		if (report.p[i] == '\r')
			FUZZ_CHECK(i + 1 < report.n && report.p[i + 1] == '\n');
	}
	for (int part = 0; part < 3; part++) {
		const char *p = memmem(report.p + last, report.n - last,
				       boundary, sizeof(boundary) - 1);
		FUZZ_CHECK(p != NULL);
		last = (size_t)(p - report.p) + sizeof(boundary) - 1;
	}
	struct span ours = span_head(report, last);
	FUZZ_CHECK(count(ours, boundary) == 3);
	FUZZ_CHECK(count(ours, "\nFinal-Recipient: ") == 1);
	FUZZ_CHECK(count(ours, "\nAction: failed\r\n") == 1);
	FUZZ_CHECK(count(ours, "\nAction:") == 1);
	for (size_t i = 0, line = 0; i < ours.n; i++) {
		line = ours.p[i] == '\n' ? 0 : line + 1;
		FUZZ_CHECK(line <= HEADER_LINE_MAX + 1); /* and the CR */
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct dsn_recipient empty = { .action = DSN_FAILED,
						    .status = "5.0.0" };
	struct span in = span_make((const char *)data, size);
	char *text[TEXTS] = { NULL };
	struct dsn_recipient r = empty;
	struct buf out;
	struct err e;

	buf_init(&out, 3 * size + 64 * 1024);
	for (int i = 0; i < TEXTS; i++) {
		long tab = span_find(in, '\x1e', 0);
		size_t n = tab < 0 ? in.n : (size_t)tab;

		text[i] = calloc(1, TEXT_SIZE);
		if (text[i] == NULL)
			goto out;
		(void)span_copy(span_head(in, n), text[i], TEXT_SIZE);
		in = span_skip(in, tab < 0 ? n : n + 1);
	}
	r.address = text[0];
	r.orcpt = text[1];
	r.remote_host = text[2];
	r.diagnostic = text[3];
	struct dsn_facts f = { .id = "d1",
			       .host = "abc.com",
			       .to = text[5],
			       .envid = text[4],
			       .now_s = 1795411681,
			       .recipients = &r,
			       .n_recipients = 1,
			       .original_header = in };
	if (dsn_format(&f, &out, &e) == 0)
		check_report(buf_span(&out));
	f.original_message = in;
	buf_clear(&out);
	if (dsn_format(&f, &out, &e) == 0)
		check_report(buf_span(&out));
	else
		FUZZ_CHECK(e.class == ERR_BUG && text[5][0] == '\0');
out:
	for (int i = 0; i < TEXTS; i++)
		free(text[i]);
	buf_free(&out);
	return 0;
}
