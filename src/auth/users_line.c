#include "auth/users_line.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "auth/password.h"
#include "auth/sasl_private.h"
#include "auth/users.h"
#include "base/conf.h"
#include "base/option.h"
#include "mail/address.h"

static const char *const attribute_names[] = { "quota", "alias", "disabled",
					       "certificate", "send-as" };

enum { ATTRIBUTES = sizeof(attribute_names) / sizeof(attribute_names[0]) };

/* What one line collects before it moves to the arena. */
struct line_parser {
	struct arena *arena;
	struct users_entry *entry;
	const char *credentials[USERS_CREDENTIALS_MAX];
	const char *aliases[USERS_ALIASES_MAX];
	const char *certificates[USERS_CERTIFICATES_MAX];
	const char *send_as[USERS_SEND_AS_MAX];
	bool has_quota;
	bool has_disabled;
};

static int
hex_value(char c)
{
	if (span_is_digit(c))
		return c - '0';
	char low = (char)span_lower(c);
	return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_TEMP, ENOMEM, "users");
}

/* %XX undone; NUL would hide the rest of the word from C strings. */
static const char *
decode(struct span word, struct arena *arena, struct err *e)
{
	char *out = arena_alloc(arena, word.n + 1);
	size_t n = 0;

	if (out == NULL) {
		(void)no_memory(e);
		return NULL;
	}
	for (size_t i = 0; i < word.n; i++) {
		if (word.p[i] != '%') {
			out[n++] = word.p[i];
			continue;
		}
		bool whole = word.n - i > 2;
		int high = whole ? hex_value(word.p[i + 1]) : -1;
		int low = whole ? hex_value(word.p[i + 2]) : -1;
		if (high < 0 || low < 0 || high + low == 0) {
			(void)err_set(e, ERR_PERM, 0,
				      "'%%' needs two hexadecimal digits "
				      "(%%25 is a '%%')");
			return NULL;
		}
		out[n++] = (char)(high * 16 + low);
		i += 2;
	}
	out[n] = '\0';
	return out;
}

int
users_line_add_word(struct buf *out, struct span text)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		/* '#' would make a comment of an address. */
		int rc = c <= 0x20 || c == '%' || c == '#' || c == 0x7f
			     ? buf_addf(out, "%%%02X", (unsigned)c)
			     : buf_add_char(out, text.p[i]);
		if (rc != 0)
			return -1;
	}
	return 0;
}

const char *
users_line_address(struct span text, struct arena *arena, struct err *e)
{
	char canonical[ADDRESS_SIZE];
	struct address a;
	struct span local, domain, user, tag;

	if (address_parse_mailbox(text, ADDRESS_ALLOW_UTF8, &a, e) != 0) {
		(void)err_prefix(e, "'%.*s' is not an address", SPAN_ARG(text));
		return NULL;
	}
	if (address_canonical(&a, canonical) != 0) {
		(void)err_set(e, ERR_PERM, 0, "the address is too long");
		return NULL;
	}
	address_split(canonical, &local, &domain);
	/* Mail for user+tag is looked up as user: it would never be found. */
	if (address_tag(local, &user, &tag)) {
		(void)err_set(e, ERR_PERM, 0,
			      "'%s': what follows '+' is a tag, every user "
			      "has them all",
			      canonical);
		return NULL;
	}
	const char *copy = arena_str(arena, span_of(canonical));
	if (copy == NULL)
		(void)no_memory(e);
	return copy;
}

static int
add_credential(struct line_parser *p, struct span word, struct err *e)
{
	if (p->entry->n_credentials == USERS_CREDENTIALS_MAX)
		return err_set(e, ERR_PERM, 0, "more than %d credentials",
			       USERS_CREDENTIALS_MAX);
	const char *stored = decode(word, p->arena, e);
	if (stored == NULL || password_check_stored(stored, e) != 0)
		return -1;
	p->credentials[p->entry->n_credentials++] = stored;
	return 0;
}

static int
add_alias(struct line_parser *p, struct span value, struct err *e)
{
	if (p->entry->n_aliases == USERS_ALIASES_MAX)
		return err_set(e, ERR_PERM, 0, "more than %d aliases",
			       USERS_ALIASES_MAX);
	const char *text = decode(value, p->arena, e);
	if (text == NULL)
		return err_prefix(e, "alias");
	const char *alias = users_line_address(span_of(text), p->arena, e);
	if (alias == NULL)
		return err_prefix(e, "alias");
	p->aliases[p->entry->n_aliases++] = alias;
	return 0;
}

/* An address, "@domain" for all of a domain, "*" for all. */
static int
add_send_as(struct line_parser *p, struct span value, struct err *e)
{
	char probe[ADDRESS_SIZE];
	const char *kept;

	if (p->entry->n_send_as == USERS_SEND_AS_MAX)
		return err_set(e, ERR_PERM, 0, "more than %d send-as",
			       USERS_SEND_AS_MAX);
	const char *text = decode(value, p->arena, e);
	if (text == NULL)
		return err_prefix(e, "send-as");
	if (strcmp(text, "*") == 0) {
		kept = text;
	} else if (text[0] == '@') {
		int n = snprintf(probe, sizeof(probe), "x%s", text);
		if (n < 0 || (size_t)n >= sizeof(probe))
			return err_set(e, ERR_PERM, 0, "send-as: too long");
		kept = users_line_address(span_of(probe), p->arena, e);
		kept = kept == NULL ? NULL : kept + 1;
	} else {
		kept = users_line_address(span_of(text), p->arena, e);
	}
	if (kept == NULL)
		return err_prefix(e, "send-as");
	p->send_as[p->entry->n_send_as++] = kept;
	return 0;
}

static const char hex_digits[] = "0123456789abcdef";

/* A digest as "sha256//BASE64" (RFC 7469 2.4) or in hexadecimal, either case,
 * into `text` in lower case hexadecimal. */
static int
parse_digest(struct span value, char *text)
{
	static const char mark[] = "sha256//";
	enum { BYTES = 32 };
	unsigned char bytes[BYTES];
	size_t n = 0;

	if (span_starts_nocase(value, span_of(mark))) {
		value = span_skip(value, sizeof(mark) - 1);
		if (sasl_base64_decode(value, bytes, BYTES, &n) != 0)
			return -1;
	} else {
		for (; value.n == 2 * BYTES && n < BYTES; n++) {
			int high = hex_value(value.p[2 * n]);
			int low = hex_value(value.p[2 * n + 1]);
			if (high < 0 || low < 0)
				return -1;
			bytes[n] = (unsigned char)(high * 16 + low);
		}
	}
	if (n != BYTES)
		return -1;
	for (size_t i = 0; i < BYTES; i++) {
		text[2 * i] = hex_digits[bytes[i] >> 4];
		text[2 * i + 1] = hex_digits[bytes[i] & 15];
	}
	text[2 * BYTES] = '\0';
	return 0;
}

static int
add_certificate(struct line_parser *p, struct span value, struct err *e)
{
	char text[USERS_CERTIFICATE_SIZE] = "certificate=";

	if (p->entry->n_certificates == USERS_CERTIFICATES_MAX)
		return err_set(e, ERR_PERM, 0, "more than %d certificates",
			       USERS_CERTIFICATES_MAX);
	if (parse_digest(value, text + strlen(text)) != 0)
		return err_set(e, ERR_PERM, 0,
			       "certificate: '%.*s' is not a SHA-256 digest, "
			       "as sha256//BASE64 or 64 hexadecimal digits",
			       SPAN_ARG(value));
	const char *copy = arena_str(p->arena, span_of(text));
	if (copy == NULL)
		return no_memory(e);
	p->certificates[p->entry->n_certificates++] = copy;
	return 0;
}

static int
set_quota(struct line_parser *p, struct span value, struct err *e)
{
	if (p->has_quota)
		return err_set(e, ERR_PERM, 0, "quota: stands twice");
	p->has_quota = true;
	if (option_parse_size(value, &p->entry->quota_bytes) != 0)
		return err_set(e, ERR_PERM, 0,
			       "quota: '%.*s' is not a size, such as 100M or "
			       "2G",
			       SPAN_ARG(value));
	return 0;
}

static int
set_disabled(struct line_parser *p, struct span value, struct err *e)
{
	if (p->has_disabled)
		return err_set(e, ERR_PERM, 0, "disabled: stands twice");
	p->has_disabled = true;
	if (!span_eq(value, span_of("yes")) && !span_eq(value, span_of("no")))
		return err_set(e, ERR_PERM, 0,
			       "disabled: '%.*s' is not yes or no",
			       SPAN_ARG(value));
	p->entry->disabled = value.p[0] == 'y';
	return 0;
}

static int
unknown_attribute(struct span name, struct err *e)
{
	char text[64];
	const char *near = NULL;

	if (span_copy(name, text, sizeof(text)) == 0)
		near = conf_nearest(text, attribute_names, ATTRIBUTES);
	if (near != NULL)
		return err_set(e, ERR_PERM, 0,
			       "unknown attribute '%.*s', did you mean '%s'?",
			       SPAN_ARG(name), near);
	return err_set(e, ERR_PERM, 0,
		       "unknown attribute '%.*s': there are quota, alias, "
		       "disabled, certificate and send-as",
		       SPAN_ARG(name));
}

static int
take_word(struct line_parser *p, struct span word, struct err *e)
{
	if (users_line_is_credential(word))
		return add_credential(p, word, e);
	if (word.p[0] == '#')
		return err_set(e, ERR_PERM, 0,
			       "a comment stands on a line of its own");
	long equals = span_find(word, '=', 0);
	/* Not quoted: it may be a password without its {PLAIN}. */
	if (equals < 0)
		return err_set(e, ERR_PERM, 0,
			       "a word is neither {SCHEME}value nor "
			       "name=value");
	struct span name = span_head(word, (size_t)equals);
	struct span value = span_skip(word, (size_t)equals + 1);
	if (span_eq(name, span_of("quota")))
		return set_quota(p, value, e);
	if (span_eq(name, span_of("alias")))
		return add_alias(p, value, e);
	if (span_eq(name, span_of("disabled")))
		return set_disabled(p, value, e);
	if (span_eq(name, span_of("certificate")))
		return add_certificate(p, value, e);
	if (span_eq(name, span_of("send-as")))
		return add_send_as(p, value, e);
	return unknown_attribute(name, e);
}

/* The collected pointers, in the arena. */
static const char **
keep(struct arena *arena, const char *const *v, unsigned n)
{
	const char **copy = arena_alloc(arena, (n + 1) * sizeof(*copy));

	for (unsigned i = 0; copy != NULL && i < n; i++)
		copy[i] = v[i];
	return copy;
}

/* Parsed here and not at each login: how long that takes must not tell whether
 * there is a key. */
static int
note_scram(struct users_entry *entry, struct arena *arena)
{
	struct scram_key key;

	for (unsigned i = 0; i < entry->n_credentials; i++) {
		const char *stored = entry->credentials[i];
		if (entry->plain == NULL)
			entry->plain = password_plain(stored);
		for (int hash = 0; hash < SCRAM_HASHES; hash++) {
			if (entry->scram[hash] != NULL ||
			    !password_scram_key(stored, (enum scram_hash)hash,
						&key))
				continue;
			struct scram_key *copy =
			    arena_alloc(arena, sizeof(key));
			if (copy == NULL)
				return -1;
			*copy = key;
			entry->scram[hash] = copy;
		}
	}
	return 0;
}

const struct scram_key *
users_line_odd_key(const struct users_entry *entry, unsigned iterations)
{
	for (int i = 0; i < SCRAM_HASHES && !entry->disabled; i++) {
		const struct scram_key *key = entry->scram[i];
		if (key != NULL && (key->iterations != iterations ||
				    key->salt_n != SCRAM_SALT_SIZE))
			return key;
	}
	return NULL;
}

int
users_line_parse(struct span line, struct arena *arena,
		 struct users_entry *entry, struct err *e)
{
	struct line_parser p = { .arena = arena, .entry = entry };

	if (line.n > USERS_LINE_MAX)
		return err_set(e, ERR_PERM, 0,
			       "the line is longer than %d bytes",
			       USERS_LINE_MAX);
	line = span_trim(line);
	if (line.n == 0 || line.p[0] == '#')
		return 0;
	for (size_t i = 0; i < line.n; i++) {
		unsigned char c = (unsigned char)line.p[i];
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return err_set(e, ERR_PERM, 0,
				       "a control byte (0x%02x)", (unsigned)c);
	}
	*entry = (struct users_entry){ 0 };
	struct span word = span_word(&line);
	const char *address = decode(word, arena, e);
	if (address == NULL)
		return -1;
	entry->address = users_line_address(span_of(address), arena, e);
	if (entry->address == NULL)
		return -1;
	while ((word = span_word(&line)).n > 0) {
		if (take_word(&p, word, e) != 0)
			return -1;
	}
	entry->credentials = keep(arena, p.credentials, entry->n_credentials);
	if (entry->credentials == NULL || note_scram(entry, arena) != 0)
		return no_memory(e);
	entry->aliases = keep(arena, p.aliases, entry->n_aliases);
	entry->certificates =
	    keep(arena, p.certificates, entry->n_certificates);
	entry->send_as = keep(arena, p.send_as, entry->n_send_as);
	if (entry->aliases == NULL || entry->certificates == NULL ||
	    entry->send_as == NULL)
		return no_memory(e);
	return 1;
}
