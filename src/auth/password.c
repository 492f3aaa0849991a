#include "auth/password.h"

#include <crypt.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/conf.h"

enum scheme { SCHEME_NONE, SCHEME_CRYPT, SCHEME_PLAIN };

static const char *const scheme_names[] = { "CRYPT", "PLAIN" };

/* Whose password is it, and what follows "{SCHEME}". */
static enum scheme
split(const char *stored, const char **value)
{
	static const char crypt_mark[] = "{CRYPT}", plain_mark[] = "{PLAIN}";
	struct span s = span_of(stored);

	if (span_starts_nocase(s, span_of(crypt_mark))) {
		*value = stored + sizeof(crypt_mark) - 1;
		return SCHEME_CRYPT;
	}
	if (span_starts_nocase(s, span_of(plain_mark))) {
		*value = stored + sizeof(plain_mark) - 1;
		return SCHEME_PLAIN;
	}
	*value = "";
	return SCHEME_NONE;
}

static int
unknown_scheme(const char *stored, struct err *e)
{
	const char *end = strchr(stored, '}');
	char name[32];

	if (stored[0] != '{' || end == NULL)
		return err_set(e, ERR_PERM, 0,
			       "a credential is {CRYPT}hash or "
			       "{PLAIN}password");
	struct span s = span_make(stored + 1, (size_t)(end - stored) - 1);
	if (span_copy(s, name, sizeof(name)) != 0)
		return err_set(e, ERR_PERM, 0, "unknown password scheme");
	const char *near = conf_nearest(name, scheme_names, 2);
	if (near == NULL)
		return err_set(e, ERR_PERM, 0,
			       "unknown password scheme {%s}: there are "
			       "{CRYPT} and {PLAIN}",
			       name);
	return err_set(e, ERR_PERM, 0,
		       "unknown password scheme {%s}, did you mean {%s}?", name,
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

int
password_check_stored(const char *stored, struct err *e)
{
	const char *value;

	switch (split(stored, &value)) {
	case SCHEME_NONE:
		return unknown_scheme(stored, e);
	case SCHEME_CRYPT:
		if (!is_crypt_hash(value))
			return err_set(e, ERR_PERM, 0,
				       "what follows {CRYPT} is not a hash "
				       "that crypt(3) knows");
		return 0;
	case SCHEME_PLAIN:
		break;
	}
	if (value[0] == '\0')
		return err_set(e, ERR_PERM, 0, "{PLAIN} without a password");
	if (strlen(value) > PASSWORD_MAX)
		return err_set(e, ERR_PERM, 0,
			       "the password is longer than %d bytes",
			       PASSWORD_MAX);
	return 0;
}

bool
password_is_hashed(const char *stored)
{
	const char *value;

	return split(stored, &value) == SCHEME_CRYPT;
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

int
password_matches(const char *stored, struct span password, struct err *e)
{
	char text[PASSWORD_MAX + 1];
	const char *value;
	int rc = 0;

	bool usable = as_text(password, text);
	switch (split(stored, &value)) {
	case SCHEME_CRYPT:
		rc = matches_crypt(value, text, e);
		break;
	case SCHEME_PLAIN:
		rc = equal_in_constant_time(span_of(text), span_of(value));
		break;
	case SCHEME_NONE:
		break;
	}
	explicit_bzero(text, sizeof(text));
	return rc > 0 && !usable ? 0 : rc;
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
