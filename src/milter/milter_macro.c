#include "milter/milter_macro.h"

#include <stddef.h>

enum { MACROS_MAX = 64 };

#define AT(field) offsetof(struct milter_facts, field)

static const struct {
	const char *name; /* without braces */
	size_t at;
} macros[] = {
	{ "j", AT(hostname) },
	{ "v", AT(version) },
	{ "_", AT(origin) },
	{ "i", AT(id) },
	{ "daemon_name", AT(daemon_name) },
	{ "client_addr", AT(client_address) },
	{ "client_name", AT(client_name) },
	{ "client_ptr", AT(client_ptr) },
	{ "client_port", AT(client_port) },
	{ "tls_version", AT(tls_version) },
	{ "cipher", AT(cipher) },
	{ "cipher_bits", AT(cipher_bits) },
	{ "cert_subject", AT(cert_subject) },
	{ "cert_issuer", AT(cert_issuer) },
	{ "auth_type", AT(auth_type) },
	{ "auth_authen", AT(auth_authen) },
	{ "auth_ssf", AT(auth_ssf) },
	{ "mail_mailer", AT(mail_mailer) },
	{ "mail_host", AT(mail_host) },
	{ "mail_addr", AT(mail_addr) },
	{ "rcpt_mailer", AT(rcpt_mailer) },
	{ "rcpt_host", AT(rcpt_host) },
	{ "rcpt_addr", AT(rcpt_addr) },
	{ "msg_id", AT(message_id) },
};

/* What is sent where a milter has not said what it wants: Sendmail's lists and
 * what rspamd, OpenDKIM and OpenDMARC look for besides. */
static const char *const usual[MILTER_STAGES] = {
	[MILTER_AT_CONNECT] = "j _ v {daemon_name} {client_addr} {client_name}"
			      " {client_port} {client_ptr}",
	[MILTER_AT_HELO] = "{tls_version} {cipher} {cipher_bits}"
			   " {cert_subject} {cert_issuer}",
	[MILTER_AT_MAIL] = "i {auth_type} {auth_authen} {auth_ssf}"
			   " {mail_mailer} {mail_host} {mail_addr}"
			   " {tls_version} {cipher} {cipher_bits}",
	[MILTER_AT_RCPT] = "i {rcpt_mailer} {rcpt_host} {rcpt_addr}",
	[MILTER_AT_DATA] = "i",
	[MILTER_AT_EOM] = "i {msg_id}",
	[MILTER_AT_EOH] = "i",
};

static const char *
value_of(const struct milter_facts *f, struct span name)
{
	if (name.n > 2 && name.p[0] == '{' && name.p[name.n - 1] == '}')
		name = span_make(name.p + 1, name.n - 2);
	for (size_t i = 0; i < sizeof(macros) / sizeof(macros[0]); i++) {
		if (span_eq(name, span_of(macros[i].name)))
			return *(const char *const *)((const char *)f +
						      macros[i].at);
	}
	return NULL;
}

int
milter_macro_put(struct buf *out, const struct milter_facts *f,
		 enum milter_stage stage, enum milter_command c,
		 struct span symbols)
{
	struct span text[MACROS_MAX];
	struct span rest = symbols.p != NULL ? symbols : span_of(usual[stage]);
	size_t n = 0;

	while (n + 2 <= MACROS_MAX) {
		struct span name = span_word(&rest);
		if (name.n == 0)
			break;
		const char *value = value_of(f, name);
		if (value == NULL || value[0] == '\0')
			continue;
		text[n++] = name;
		text[n++] = span_of(value);
	}
	return n == 0 ? 0 : milter_put_macros(out, c, text, n);
}
