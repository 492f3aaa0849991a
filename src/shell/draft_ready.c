#include "shell/draft.h"

#include <string.h>

#include "base/clock.h"
#include "mail/header.h"
#include "mail/submit.h"

/*
 * A message that is written already: a file, or what another program made.
 * Its bytes go out as they are, but for line ends, blind copies and the fields
 * every message must have; nothing is encoded again, since a signature over
 * the text must stay true.
 */

static bool
has_eight_bit(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] > 127)
			return true;
	return false;
}

static unsigned
line_of(struct span text, size_t at)
{
	unsigned line = 1;

	for (size_t i = 0; i < at; i++)
		line += text.p[i] == '\n';
	return line;
}

/* CRLF at every line end.  A bare CR or a NUL is nothing to guess about
 * (RFC 5321 2.3.8). */
static int
copy_lines(struct shell *sh, struct span text, struct buf *out)
{
	int rc = 0;

	for (size_t i = 0; i < text.n && rc == 0; i++) {
		bool is_end = text.p[i] == '\n';

		if (text.p[i] == '\0' ||
		    (text.p[i] == '\r' &&
		     (i + 1 == text.n || text.p[i + 1] != '\n')))
			return failure_set(
			    &sh->fail, SHELL_USAGE, "line %u holds a %s",
			    line_of(text, i),
			    text.p[i] == '\0' ? "NUL byte" : "bare CR");
		if (is_end && (i == 0 || text.p[i - 1] != '\r'))
			rc = buf_add_char(out, '\r');
		if (rc == 0)
			rc = buf_add_char(out, text.p[i]);
	}
	if (rc == 0 && out->n > 0 && out->p[out->n - 1] != '\n')
		rc = buf_add_str(out, "\r\n");
	return rc == 0 ? SHELL_OK
		       : failure_set(&sh->fail, SHELL_LOCAL,
				     "the message is larger than %zu bytes",
				     out->max);
}

/* Every line of the header block must be part of a field: else the text is no
 * message, or would lose its recipients to its body. */
static int
check_fields(struct shell *sh, struct span text)
{
	struct header_field f;
	struct span rest = text;

	while (header_next(&rest, &f)) {
		if (f.name.n > 0)
			continue;
		(void)failure_set(&sh->fail, SHELL_USAGE,
				  "line %u is no header field",
				  line_of(text, (size_t)(f.whole.p - text.p)));
		failure_hint(&sh->fail, "a message begins with From: and To: "
					"and an empty line before its text");
		return SHELL_USAGE;
	}
	return SHELL_OK;
}

static int
header_recipients(struct shell *sh, struct span text, struct arena *a,
		  struct draft_built *built)
{
	static const char *const names[] = { "To", "Cc", "Bcc" };
	struct header_field f;
	struct buf line;
	int rc = SHELL_OK;

	buf_init(&line, HEADER_BLOCK_MAX);
	while (rc == SHELL_OK && header_next(&text, &f)) {
		for (size_t i = 0; i < 3 && rc == SHELL_OK; i++) {
			if (!span_eq_nocase(f.name, span_of(names[i])))
				continue;
			buf_clear(&line);
			rc = header_unfold(f.value, &line) != 0
				 ? failure_set(&sh->fail, SHELL_USAGE,
					       "%s: too long", names[i])
				 : draft_add_recipients(
				       sh, names[i], buf_span(&line), a, built);
		}
	}
	buf_free(&line);
	return rc;
}

/* Bcc out, missing From, Date and Message-ID in. */
static int
complete_header(struct shell *sh, struct span text, struct draft_built *built)
{
	const char *at = strrchr(sh->session.user, '@');
	long end = header_block_end(text);
	struct span block = end < 0 ? text : span_head(text, (size_t)end);
	char id[MIME_ID_SIZE], *host;
	struct submit_facts facts = { .reverse_path = sh->session.user,
				      .wall_s = clock_wall_s() };
	struct header_field f;
	struct err e = { 0 };

	mime_new_id(at == NULL ? "localhost" : at + 1, id);
	/* "<id@host>" in two */
	id[strlen(id) - 1] = '\0';
	host = strchr(id, '@');
	if (host == NULL)
		return failure_set(&sh->fail, SHELL_LOCAL, "no Message-ID");
	*host++ = '\0';
	facts.id = id + 1;
	facts.host = host;
	if (submit_fix_header(block, &facts, &built->bytes, &e) != 0)
		return failure_set(&sh->fail, SHELL_USAGE, "%s", e.msg);
	if (!header_find(buf_span(&built->bytes), "Message-ID", &f) ||
	    span_copy(f.value, built->id, sizeof(built->id)) != 0)
		(void)snprintf(built->id, sizeof(built->id), "<?>");
	built->facts.utf8 =
	    has_eight_bit(buf_span(&built->bytes)) ||
	    has_eight_bit(span_of(sh->session.user)); /* RFC 6532 3.2 */
	if (buf_add_span(&built->bytes, span_skip(text, block.n)) != 0)
		return failure_set(&sh->fail, SHELL_LOCAL, "out of memory");
	built->facts.eight_bit = has_eight_bit(buf_span(&built->bytes));
	for (unsigned i = 0; i < built->n_recipients; i++)
		built->facts.utf8 |=
		    has_eight_bit(span_of(built->recipients[i]));
	return SHELL_OK;
}

int
draft_ready(struct shell *sh, struct span text, const char *to, struct arena *a,
	    struct draft_built *built)
{
	struct buf lines;
	int rc;

	built->is_ready = true;
	buf_init(&built->bytes, MIME_MESSAGE_MAX);
	buf_init(&lines, MIME_MESSAGE_MAX);
	rc = copy_lines(sh, text, &lines);
	if (rc == SHELL_OK)
		rc = check_fields(sh, buf_span(&lines));
	if (rc == SHELL_OK)
		rc = to != NULL
			 ? draft_add_typed(sh, "to", to, a, NULL, built)
			 : header_recipients(sh, buf_span(&lines), a, built);
	if (rc == SHELL_OK)
		rc = complete_header(sh, buf_span(&lines), built);
	buf_free(&lines);
	return rc;
}
