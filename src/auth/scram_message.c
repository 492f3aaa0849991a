#include "auth/scram_message.h"

#include <limits.h>
#include <string.h>

/* The next attribute of *rest, up to a comma. */
static struct span
next(struct span *rest)
{
	long comma = span_find(*rest, ',', 0);
	size_t n = comma < 0 ? rest->n : (size_t)comma;
	struct span part = span_head(*rest, n);

	*rest = span_skip(*rest, n + 1);
	return part;
}

/* saslname (RFC 5802 7): '=' begins =2C or =3D and nothing else. */
static bool
is_saslname(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '=')
			continue;
		struct span code = span_head(span_skip(s, i), 3);
		if (!span_eq(code, span_of("=2C")) &&
		    !span_eq(code, span_of("=3D")))
			return false;
	}
	return true;
}

static bool
is_attribute(struct span s, char name)
{
	return s.n >= 2 && s.p[0] == name && s.p[1] == '=';
}

enum scram_binding
scram_message_binding(struct span message)
{
	if (message.n == 0 || memchr(message.p, '\0', message.n) != NULL)
		return SCRAM_BINDING_MALFORMED;
	struct span flag = next(&message);
	struct span authzid = next(&message);
	struct span name = next(&message);
	if ((authzid.n > 0 && (!is_attribute(authzid, 'a') ||
			       !is_saslname(span_skip(authzid, 2)))) ||
	    !is_attribute(name, 'n') || !is_saslname(span_skip(name, 2)))
		return SCRAM_BINDING_MALFORMED;
	if (span_eq(flag, span_of("n")))
		return SCRAM_BINDING_NONE;
	if (span_eq(flag, span_of("y")))
		return SCRAM_BINDING_MISSED;
	if (span_eq(flag, span_of("p=tls-exporter")))
		return SCRAM_BINDING_EXPORTER;
	return is_attribute(flag, 'p') ? SCRAM_BINDING_OTHER
				       : SCRAM_BINDING_MALFORMED;
}

unsigned long
scram_message_iterations(struct span message)
{
	uint64_t count;

	if (message.n == 0 || memchr(message.p, '\0', message.n) != NULL ||
	    !is_attribute(next(&message), 'r') ||
	    !is_attribute(next(&message), 's'))
		return 0;
	struct span last = next(&message);
	if (!is_attribute(last, 'i') ||
	    span_u64(span_skip(last, 2), &count) != 0 || count > ULONG_MAX)
		return 0;
	return (unsigned long)count;
}
