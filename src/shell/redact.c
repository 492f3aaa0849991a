#include "shell/redact.h"

#include <string.h>

#include "base/conf.h"
#include "shell/cmd.h"

/*
 * What somebody meant as a password must not stay, however it was written: the
 * options may be shortened or misspelt, the password may stand where none is
 * expected (login USER PASSWORD, set password X).  So of a login only what is
 * known to be harmless is kept, and of other commands everything but what looks
 * like a secret.  A line that would be refused anyway may lose too much.
 */
enum { REDACT_WORD_MAX = 64 }; /* of a word, to tell what it is */

enum redact_kind {
	KIND_OTHER,
	KIND_LOGIN,
	KIND_LIKE_LOGIN,
	KIND_SET,
	KIND_LET
};

struct redaction {
	struct buf *out;
	bool in_command; /* its verb is known */
	enum redact_kind kind;
	unsigned operands;
	bool drops_next; /* the value of an option that may be a secret */
	bool keeps_next; /* that of one that is none */
	bool is_command; /* ... a command that may print it */
};

/* The end of the word at `from`: quotes hold it together. */
static size_t
word_end(struct span s, size_t from)
{
	char quote = 0;
	size_t i;

	for (i = from; i < s.n; i++) {
		char c = s.p[i];

		if (quote == '"' && c == '\\')
			i++;
		else if (quote != 0)
			quote = c == quote ? 0 : quote;
		else if (c == '"' || c == '\'')
			quote = c;
		else if (span_is_blank(c) || c == ';' || c == '\n')
			break;
	}
	return i < s.n ? i : s.n;
}

/* The word without quotes and what may stand before it, as far as it counts. */
static void
plain_word(struct span word, char text[REDACT_WORD_MAX + 1])
{
	size_t n = 0;

	for (size_t i = 0; i < word.n && n < REDACT_WORD_MAX; i++)
		if (strchr("\"'\\", word.p[i]) == NULL &&
		    (n > 0 || strchr("$(!|", word.p[i]) == NULL))
			text[n++] = (char)span_lower(word.p[i]);
	text[n] = '\0';
}

static bool
sounds_secret(struct span name)
{
	static const char *const parts[] = { "pass",      "pwd",    "pswd",
					     "pword",     "secret", "token",
					     "credential" };
	static const char *const whole[] = { "password", "passwd", "pw" };
	char text[REDACT_WORD_MAX + 1];

	if (span_copy(name, text, sizeof(text)) != 0)
		return false;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strstr(text, parts[i]) != NULL)
			return true;
	if (name.n < 3)
		return strcmp(text, "p") == 0 || strcmp(text, "pw") == 0;
	if (strcmp(text + name.n - 2, "pw") == 0)
		return true;
	return conf_nearest(text, whole, 3) != NULL;
}

static const struct command_option *
option_named(const struct command_option *o, struct span name)
{
	for (; o != NULL && o->name != NULL; o++)
		if (span_eq(name, span_of(o->name)))
			return o;
	return NULL;
}

static enum redact_kind
kind_of(const char *verb)
{
	static const char *const like[] = { "login",  "auth",    "authenticate",
					    "signin", "sign-in", "password",
					    "passwd", "pass",    "user" };
	struct span v = span_of(verb);

	if (v.n > 1 && span_starts_nocase(span_of("login"), v))
		return KIND_LOGIN;
	if (v.n > 1 && span_starts_nocase(span_of("set"), v))
		return KIND_SET;
	if (v.n > 1 && span_starts_nocase(span_of("let"), v))
		return KIND_LET;
	for (const struct command *c = command_table(); c->name != NULL; c++)
		if (span_eq(v, span_of(c->name)))
			return KIND_OTHER;
	return sounds_secret(v) ||
		       conf_nearest(verb, like,
				    sizeof(like) / sizeof(like[0])) != NULL
		   ? KIND_LIKE_LOGIN
		   : KIND_OTHER;
}

/* An option of `login`, also shortened as it may be when typed; what could
 * become --password is none. */
static const struct command_option *
login_option(struct span name)
{
	const struct command_option *o = option_named(cmd_login_options, name);

	if (o != NULL || span_starts_nocase(span_of("password"), name))
		return o;
	for (o = cmd_login_options; o->name != NULL; o++)
		if (span_starts_nocase(span_of(o->name), name))
			return o;
	return NULL;
}

/* May what follows this option (or its '=') be a password? */
static bool
is_secret_option(const struct redaction *r, struct span name)
{
	if (span_eq(name, span_of("password")))
		return true;
	if (login_option(name) != NULL)
		return false;
	return r->kind == KIND_LOGIN || r->kind == KIND_LIKE_LOGIN ||
	       sounds_secret(name);
}

/* "echo secret" as --password-command. */
static bool
prints_it(const char *command)
{
	return strncmp(command, "echo ", 5) == 0 ||
	       strncmp(command, "printf ", 7) == 0;
}

static int
put_option(struct redaction *r, struct span word, const char *plain)
{
	const char *name = plain + strspn(plain, "-");
	struct span key = span_make(name, strcspn(name, "="));
	const struct command_option *o = login_option(key);
	long eq = span_find(word, '=', 0);
	bool secret = is_secret_option(r, key);

	r->is_command = span_eq(key, span_of("password-command"));
	if (eq < 0) {
		r->drops_next = secret;
		r->keeps_next = !secret && o != NULL && o->value != NULL;
		return buf_add_span(r->out, word);
	}
	if (!secret && !(r->is_command && prints_it(name + key.n + 1)))
		return buf_add_span(r->out, word);
	return buf_add_span(r->out, span_head(word, (size_t)eq + 1)) |
	       buf_add_str(r->out, "***");
}

/* Is the operand one that may stay? */
static bool
is_harmless(struct redaction *r, const char *plain)
{
	struct span word = span_of(plain);
	bool is_file;

	r->operands++;
	switch (r->kind) {
	case KIND_LOGIN:
		return r->operands == 1;
	case KIND_LIKE_LOGIN:
		return r->operands == 1 && span_find(word, '@', 0) > 0;
	case KIND_SET:
		if (r->operands > 1)
			return true;
		r->drops_next = true;
		for (size_t i = 0; cmd_set_name(i) != NULL; i++) {
			(void)cmd_set_words(i, &is_file);
			if (span_eq(word, span_of(cmd_set_name(i))))
				r->drops_next = false;
		}
		return true;
	case KIND_LET:
		r->drops_next = r->operands == 1 && sounds_secret(word);
		return true;
	case KIND_OTHER:
		break;
	}
	return true;
}

/* NAME_PASSWORD=x, for a program behind `!`. */
static bool
is_assignment(const char *plain, size_t *n)
{
	*n = strcspn(plain, "=");
	for (size_t i = 0; i < *n; i++)
		if (plain[i] != '_' && !span_is_digit(plain[i]) &&
		    (plain[i] < 'a' || plain[i] > 'z'))
			return false;
	return plain[*n] == '=' && sounds_secret(span_make(plain, *n));
}

static bool
is_prefix_word(const char *plain)
{
	return strcmp(plain, "try") == 0 || strcmp(plain, "not") == 0 ||
	       strcmp(plain, "quiet") == 0 || strcmp(plain, "time") == 0;
}

static int
put_word(struct redaction *r, struct span word)
{
	char plain[REDACT_WORD_MAX + 1];
	bool drop = r->drops_next, keep = r->keeps_next;
	size_t n;

	plain_word(word, plain);
	r->drops_next = r->keeps_next = false;
	/* `--plian --smtp HOST`: the next option is no value */
	if (drop &&
	    option_named(cmd_login_options,
			 span_of(plain + strspn(plain, "-"))) != NULL &&
	    plain[0] == '-')
		drop = false;
	if (drop || (keep && r->is_command && prints_it(plain)))
		return buf_add_str(r->out, "***");
	if (keep)
		return buf_add_span(r->out, word);
	if (plain[0] == '-' && plain[1] != '\0')
		return put_option(r, word, plain);
	if (is_assignment(plain, &n))
		return buf_add_span(r->out, span_head(word, (size_t)span_find(
								word, '=', 0) +
								1)) |
		       buf_add_str(r->out, "***");
	if (!r->in_command || (word.n > 1 && word.p[0] == '$')) {
		if (is_prefix_word(plain))
			return buf_add_span(r->out, word);
		r->in_command = true;
		r->kind = kind_of(plain);
		r->operands = 0;
		return buf_add_span(r->out, word);
	}
	/* "alice@abc.com:secret", as in a URL */
	long colon = r->kind == KIND_LOGIN ? span_find(word, ':', 0) : -1;
	if (colon >= 0 && is_harmless(r, plain))
		return buf_add_span(r->out,
				    span_head(word, (size_t)colon + 1)) |
		       buf_add_str(r->out, "***");
	return is_harmless(r, plain) ? buf_add_span(r->out, word)
				     : buf_add_str(r->out, "***");
}

int
redact_line(struct span line, struct buf *out)
{
	struct redaction r = { .out = out };
	size_t i = 0;

	while (i < line.n) {
		char c = line.p[i];
		size_t end;

		if (span_is_blank(c) || c == '\n' || c == ';' || c == '|') {
			if (c == ';' || c == '|')
				r = (struct redaction){ .out = out };
			if (buf_add_char(out, c) != 0)
				return -1;
			i++;
			continue;
		}
		end = word_end(line, i);
		if (put_word(&r, span_make(line.p + i, end - i)) != 0)
			return -1;
		i = end;
	}
	return 0;
}
