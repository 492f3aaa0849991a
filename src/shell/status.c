#include "shell/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/visible.h"

static const struct {
	enum shell_status status;
	const char *symbol;
} symbols[] = {
	{ SHELL_OK, "" },
	{ SHELL_REFUSED, "refused" },
	{ SHELL_USAGE, "usage" },
	{ SHELL_NO_LINK, "no-connection" },
	{ SHELL_AUTH, "authentication" },
	{ SHELL_LATER, "try-later" },
	{ SHELL_PARTIAL, "partial" },
	{ SHELL_ASSERT, "assertion" },
	{ SHELL_TIMEOUT, "timeout" },
	{ SHELL_LOCAL, "local" },
	{ SHELL_INTERRUPTED, "interrupted" },
};

const char *
status_symbol(enum shell_status s)
{
	for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++)
		if (symbols[i].status == s)
			return symbols[i].symbol;
	return "local";
}

/* A server's words reach the terminal through here: one line, nothing that a
 * terminal would obey. */
static void
make_printable(char *s)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++)
		if (s[i] == '\n' || s[i] == '\t')
			s[i] = ' ';
	visible_defuse(s, n);
}

int
failure_set(struct failure *f, enum shell_status s, const char *fmt, ...)
{
	va_list ap;

	*f = (struct failure){ .status = s, .symbol = status_symbol(s) };
	va_start(ap, fmt);
	(void)vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
	make_printable(f->text);
	return (int)s;
}

void
failure_hint(struct failure *f, const char *fmt, ...)
{
	va_list ap;

	if (f->status == SHELL_OK)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(f->hint, sizeof(f->hint), fmt, ap);
	va_end(ap);
	make_printable(f->hint);
}

int
failure_from_err(struct failure *f, const struct err *e)
{
	switch (e->class) {
	case ERR_TIMEOUT:
		return failure_set(f, SHELL_TIMEOUT, "%s", e->msg);
	case ERR_STOP:
		return failure_set(f, SHELL_INTERRUPTED, "interrupted");
	case ERR_LIMIT:
	case ERR_BUG:
		return failure_set(f, SHELL_LOCAL, "%s", e->msg);
	case ERR_TEMP:
	case ERR_PERM:
	case ERR_PROTO:
	case ERR_CLOSED:
		break;
	}
	return failure_set(f, SHELL_NO_LINK, "%s", e->msg);
}

int
failure_from_local(struct failure *f, const struct err *e)
{
	if (e->class == ERR_STOP)
		return failure_set(f, SHELL_INTERRUPTED, "interrupted");
	return failure_set(f, SHELL_LOCAL, "%s", e->msg);
}

enum shell_status
status_of_code(int code)
{
	if (code >= 200 && code < 400)
		return SHELL_OK;
	if (code >= 400 && code < 500)
		return SHELL_LATER;
	/* RFC 4954 section 6: replies about who the client is. */
	if (code == 530 || code == 534 || code == 535 || code == 538)
		return SHELL_AUTH;
	return SHELL_REFUSED;
}

int
failure_from_reply(struct failure *f, const char *who,
		   const struct smtp_reply *r)
{
	char line[REPLY_TEXT_SIZE + 32];

	reply_one_line(r, line, sizeof(line));
	if (who == NULL)
		(void)failure_set(f, status_of_code(r->code), "%s", line);
	else
		(void)failure_set(f, status_of_code(r->code), "%s: %s", who,
				  line);
	f->code = r->code;
	(void)snprintf(f->enhanced, sizeof(f->enhanced), "%s", r->enhanced);
	return (int)f->status;
}
