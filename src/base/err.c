#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#ifdef __clang_analyzer__
#undef err_set
#undef err_prefix
#endif

/* strerror_r comes in two shapes; take whichever this libc has. */
static const char *
pick_gnu(const char *text, const char *buf)
{
	return text != NULL ? text : buf;
}

static const char *
pick_posix(int rc, const char *buf)
{
	return rc == 0 ? buf : "unknown error";
}

const char *
err_sys_text(int sys, char *buf, unsigned long size)
{
	if (size == 0)
		return "";
	buf[0] = '\0';
	return _Generic(strerror_r(sys, buf, size), char *
			: pick_gnu, int
			: pick_posix)(strerror_r(sys, buf, size), buf);
}

static void
make_printable(char *s)
{
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;
		if (c < 0x20 || c == 0x7f)
			*s = '?';
	}
}

int
err_set(struct err *e, enum err_class class, int sys, const char *fmt, ...)
{
	va_list ap;

	if (e == NULL)
		return -1;
	e->class = class;
	e->sys = sys;
	va_start(ap, fmt);
	int n = vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	if (n < 0)
		e->msg[0] = '\0';
	if (sys != 0) {
		char text[128];
		size_t used = strlen(e->msg);
		(void)snprintf(e->msg + used, sizeof(e->msg) - used, ": %s",
			       err_sys_text(sys, text, sizeof(text)));
	}
	make_printable(e->msg);
	return -1;
}

int
err_prefix(struct err *e, const char *fmt, ...)
{
	char head[ERR_MSG_SIZE];
	va_list ap;

	if (e == NULL)
		return -1;
	va_start(ap, fmt);
	int n = vsnprintf(head, sizeof(head), fmt, ap);
	va_end(ap);
	if (n < 0)
		return -1;
	size_t have = strlen(head);
	if (have + 2 < sizeof(head)) {
		(void)snprintf(head + have, sizeof(head) - have, ": %.*s",
			       (int)(sizeof(head) - have - 3), e->msg);
	}
	make_printable(head);
	memcpy(e->msg, head, sizeof(head));
	return -1;
}

const char *err_class_name(enum err_class class)
{
	switch (class) {
	case ERR_TEMP:
		return "temporary";
	case ERR_PERM:
		return "permanent";
	case ERR_PROTO:
		return "protocol";
	case ERR_TIMEOUT:
		return "timeout";
	case ERR_LIMIT:
		return "limit";
	case ERR_CLOSED:
		return "closed";
	case ERR_STOP:
		return "stopping";
	case ERR_BUG:
		return "bug";
	}
	return "unknown";
}
