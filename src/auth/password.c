#include "auth/password.h"

#include <crypt.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/conf.h"

enum scheme {
	SCHEME_CRYPT,
	SCHEME_PLAIN,
	SCHEME_SCRAM_SHA_1,
	SCHEME_SCRAM_SHA_256,
	SCHEME_NONE,
};

static const char *const scheme_names[SCHEME_NONE] = {
	[SCHEME_CRYPT] = "CRYPT",
	[SCHEME_PLAIN] = "PLAIN",
	[SCHEME_SCRAM_SHA_1] = "SCRAM-SHA-1",
	[SCHEME_SCRAM_SHA_256] = "SCRAM-SHA-256",
};

/* The name in "{NAME}value" and what follows; false when it is not that. */
static bool
split_name(const char *stored, struct span *name, const char **value)
{
	const char *end = strchr(stored, '}');

	*value = "";
	if (stored[0] != '{' || end == NULL)
		return false;
	*name = span_make(stored + 1, (size_t)(end - stored) - 1);
	*value = end + 1;
	return true;
}

/* Whose password is it, and what follows "{SCHEME}". */
static enum scheme
split(const char *stored, const char **value)
{
	struct span name;

	for (int i = 0; split_name(stored, &name, value) && i < SCHEME_NONE;
	     i++) {
		if (span_eq_nocase(name, span_of(scheme_names[i])))
			return (enum scheme)i;
	}
	return SCHEME_NONE;
}

static enum scram_hash
hash_of(enum scheme scheme)
{
	return scheme == SCHEME_SCRAM_SHA_1 ? SCRAM_SHA_1 : SCRAM_SHA_256;
}

static int
unknown_scheme(const char *stored, struct err *e)
{
	struct span name;
	const char *value;
	char text[32];

	if (!split_name(stored, &name, &value))
		return err_set(e, ERR_PERM, 0,
			       "a credential is {SCHEME}value, such as "
			       "{SCRAM-SHA-256}key or {CRYPT}hash");
	if (span_copy(name, text, sizeof(text)) != 0)
		return err_set(e, ERR_PERM, 0, "unknown password scheme");
	const char *near = conf_nearest(text, scheme_names, SCHEME_NONE);
	if (near == NULL)
		return err_set(e, ERR_PERM, 0,
			       "unknown password scheme {%s}: there are "
			       "{SCRAM-SHA-256}, {SCRAM-SHA-1}, {CRYPT} and "
			       "{PLAIN}",
			       text);
	return err_set(e, ERR_PERM, 0,
		       "unknown password scheme {%s}, did you mean {%s}?", text,
		       near);
}

/*
 * crypt_checksalt() takes any two letters for the salt of the old DES method,
 * so that a plain password would pass for a hash and then never match.
 */
static bool
is_crypt_hash(const char *hash)
{
	int verdict = crypt_checksalt(hash);

	if (verdict == CRYPT_SALT_INVALID ||
	    verdict == CRYPT_SALT_METHOD_DISABLED)
		return false;
	return hash[0] == '$' || hash[0] == '_' || strlen(hash) == 13;
}

static int
check_plain(const char *value, struct err *e)
{
	if (value[0] == '\0')
		return err_set(e, ERR_PERM, 0, "{PLAIN} without a password");
	if (strlen(value) > PASSWORD_MAX)
		return err_set(e, ERR_PERM, 0,
			       "the password is longer than %d bytes",
			       PASSWORD_MAX);
	return 0;
}

int
password_check_stored(const char *stored, struct err *e)
{
	struct scram_key key;
	const char *value;

	enum scheme scheme = split(stored, &value);
	switch (scheme) {
	case SCHEME_NONE:
		return unknown_scheme(stored, e);
	case SCHEME_CRYPT:
		if (!is_crypt_hash(value))
			return err_set(e, ERR_PERM, 0,
				       "what follows {CRYPT} is not a hash "
				       "that crypt(3) knows");
		return 0;
	case SCHEME_SCRAM_SHA_1:
	case SCHEME_SCRAM_SHA_256:
		return scram_key_parse(&key, hash_of(scheme), span_of(value),
				       e);
	case SCHEME_PLAIN:
		break;
	}
	return check_plain(value, e);
}

void
password_cost_add(struct password_cost *sum, const char *stored)
{
	struct scram_key key;
	const char *value;

	enum scheme scheme = split(stored, &value);
	if ((scheme == SCHEME_SCRAM_SHA_1 || scheme == SCHEME_SCRAM_SHA_256) &&
	    scram_key_parse(&key, hash_of(scheme), span_of(value), NULL) == 0) {
		sum->keys[key.hash]++;
		sum->rounds[key.hash] += key.iterations;
	}
}

/* How long the setting is behind each prefix of crypt(5): so many bytes, or up
 * to the dollar sign behind the cost.  The others have no cost to choose. */
static const struct {
	const char *prefix;
	size_t bytes; /* 0: up to the dollar sign */
} settings[] = {
	{ "$y$", 0 },        { "$gy$", 0 },
	{ "$7$", 14 }, /* scrypt: N, r and p in 1, 5 and 5 digits */
	{ "$2", 7 },   /* bcrypt: $2b$NN$ */
	{ "$5$rounds=", 0 }, { "$6$rounds=", 0 },
	{ "$sha1$", 0 },     { "$md5,rounds=", 0 },
	{ "_", 5 }, /* extended DES: 4 digits */
};

struct span
password_setting(const char *stored)
{
	const char *value;

	if (split(stored, &value) != SCHEME_CRYPT)
		return span_make(NULL, 0);
	struct span hash = span_of(value);
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		size_t n = strlen(settings[i].prefix);
		if (strncmp(value, settings[i].prefix, n) != 0)
			continue;
		if (settings[i].bytes > 0)
			return span_head(hash, settings[i].bytes);
		long end = span_find(hash, '$', n);
		return end < 0 ? hash : span_head(hash, (size_t)end + 1);
	}
	long end = value[0] == '$' ? span_find(hash, '$', 1) : -1;
	return end < 0 ? span_of("-") : span_head(hash, (size_t)end + 1);
}

bool
password_scram_key(const char *stored, enum scram_hash hash,
		   struct scram_key *key)
{
	const char *value;

	enum scheme scheme = split(stored, &value);
	if (scheme != SCHEME_SCRAM_SHA_1 && scheme != SCHEME_SCRAM_SHA_256)
		return false;
	return hash_of(scheme) == hash &&
	       scram_key_parse(key, hash, span_of(value), NULL) == 0;
}

const char *
password_plain(const char *stored)
{
	const char *value;

	return split(stored, &value) == SCHEME_PLAIN ? value : NULL;
}

/* Same time for any two strings of these lengths. */
static bool
equal_in_constant_time(struct span a, struct span b)
{
	volatile unsigned char diff = a.n != b.n;

	for (size_t i = 0; i < a.n && b.n > 0; i++) {
		size_t k = i < b.n ? i : 0;
		diff = (unsigned char)(diff | (a.p[i] ^ b.p[k]));
	}
	return diff == 0;
}

/* A password as a C string; what cannot be one becomes one that is wrong. */
static bool
as_text(struct span password, char text[PASSWORD_MAX + 1])
{
	if (password.n > 0 && span_copy(password, text, PASSWORD_MAX + 1) == 0)
		return true;
	memcpy(text, "x", 2);
	return false;
}

static int
matches_crypt(const char *hash, const char *text, struct err *e)
{
	struct crypt_data *data = calloc(1, sizeof(*data));
	int rc = 0;

	if (data == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "password hash");
	errno = 0;
	const char *got = crypt_r(text, hash, data);
	/* "*0" and "*1" are libcrypt's words for "failed". */
	if (got == NULL || got[0] == '*') {
		if (errno == ENOMEM)
			rc = err_set(e, ERR_TEMP, errno, "password hash");
	} else {
		rc = equal_in_constant_time(span_of(got), span_of(hash));
	}
	explicit_bzero(data, sizeof(*data));
	free(data);
	return rc;
}

static int
matches_scram(enum scram_hash hash, const char *value, const char *text,
	      struct err *e)
{
	struct scram_key key;

	if (scram_key_parse(&key, hash, span_of(value), e) != 0)
		return -1;
	return scram_key_matches(&key, text, e);
}

int
password_matches(const char *stored, struct span password, struct err *e)
{
	char text[PASSWORD_MAX + 1];
	const char *value;
	int rc = 0;

	bool usable = as_text(password, text);
	enum scheme scheme = split(stored, &value);
	switch (scheme) {
	case SCHEME_CRYPT:
		rc = matches_crypt(value, text, e);
		break;
	case SCHEME_PLAIN:
		rc = equal_in_constant_time(span_of(text), span_of(value));
		break;
	case SCHEME_SCRAM_SHA_1:
	case SCHEME_SCRAM_SHA_256:
		rc = matches_scram(hash_of(scheme), value, text, e);
		break;
	case SCHEME_NONE:
		break;
	}
	explicit_bzero(text, sizeof(text));
	return rc > 0 && !usable ? 0 : rc;
}

int
password_spend(enum scram_hash hash, unsigned rounds, struct span password,
	       struct err *e)
{
	const struct scram_key key = { .hash = hash,
				       .iterations = rounds,
				       .salt_n = SCRAM_SALT_SIZE };
	char text[PASSWORD_MAX + 1];

	if (rounds == 0)
		return 0;
	(void)as_text(password, text);
	int rc = scram_key_matches(&key, text, e);
	explicit_bzero(text, sizeof(text));
	return rc < 0 ? -1 : 0;
}

int
password_check_new(struct span password, struct err *e)
{
	if (password.n == 0)
		return err_set(e, ERR_PERM, 0, "the password is empty");
	if (password.n > PASSWORD_MAX)
		return err_set(e, ERR_PERM, 0,
			       "the password is longer than %d bytes",
			       PASSWORD_MAX);
	for (size_t i = 0; i < password.n; i++) {
		if (password.p[i] == '\0' || password.p[i] == '\r' ||
		    password.p[i] == '\n')
			return err_set(e, ERR_PERM, 0,
				       "the password holds a NUL or a line "
				       "end");
	}
	return 0;
}

int
password_hash(struct span password, char *buf, size_t size, struct err *e)
{
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	char text[PASSWORD_MAX + 1];
	int rc = -1;

	if (password_check_new(password, e) != 0)
		return -1;
	(void)as_text(password, text);
	struct crypt_data *data = calloc(1, sizeof(*data));
	if (data == NULL) {
		(void)err_set(e, ERR_TEMP, ENOMEM, "password hash");
		goto out;
	}
	if (crypt_gensalt_rn("$y$", 0, NULL, 0, setting, sizeof(setting)) ==
	    NULL) {
		(void)err_set(e, ERR_TEMP, errno, "password salt");
		goto out;
	}
	const char *got = crypt_r(text, setting, data);
	if (got == NULL || got[0] == '*') {
		(void)err_set(e, ERR_TEMP, errno, "password hash");
		goto out;
	}
	int n = snprintf(buf, size, "{CRYPT}%s", got);
	rc = n > 0 && (size_t)n < size
		 ? 0
		 : err_set(e, ERR_BUG, 0, "password hash: no room");
out:
	if (data != NULL)
		explicit_bzero(data, sizeof(*data));
	free(data);
	explicit_bzero(text, sizeof(text));
	return rc;
}

int
password_scram(struct scram_key *key, struct span password, char *buf,
	       size_t size, struct err *e)
{
	char text[PASSWORD_MAX + 1];

	if (password_check_new(password, e) != 0)
		return -1;
	(void)as_text(password, text);
	int rc = scram_key_derive(key, text, e);
	if (rc == 0)
		rc = scram_key_write(key, buf, size, e);
	explicit_bzero(text, sizeof(text));
	return rc;
}
