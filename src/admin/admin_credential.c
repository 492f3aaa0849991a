#include "admin/admin_credential.h"

#include <stdio.h>
#include <string.h>

#include "admin/admin_password.h"
#include "auth/login_secret.h"
#include "auth/users.h"
#include "base/conf.h"

enum scheme { SCRAM_256, SCRAM_1, CRYPT, PLAIN };

static const char *const names[ADMIN_SCHEMES_MAX] = {
	[SCRAM_256] = "scram-sha-256",
	[SCRAM_1] = "scram-sha-1",
	[CRYPT] = "crypt",
	[PLAIN] = "plain",
};

struct choice {
	enum scheme schemes[ADMIN_SCHEMES_MAX];
	size_t n;
	unsigned iterations;
};

static int
choose(struct choice *c, struct span word, struct err *e)
{
	char text[32];
	int i = 0;

	while (i < ADMIN_SCHEMES_MAX &&
	       !span_eq_nocase(word, span_of(names[i])))
		i++;
	for (size_t k = 0; k < c->n; k++) {
		if (c->schemes[k] == (enum scheme)i)
			return err_set(e, ERR_PERM, 0,
				       "--scheme: %s stands twice", names[i]);
	}
	if (i < ADMIN_SCHEMES_MAX) {
		c->schemes[c->n++] = (enum scheme)i;
		return 0;
	}
	const char *near = span_copy(word, text, sizeof(text)) != 0
			       ? NULL
			       : conf_nearest(text, names, ADMIN_SCHEMES_MAX);
	return err_set(e, ERR_PERM, 0, "--scheme: unknown scheme '%.*s'%s%s%s",
		       SPAN_ARG(word), near == NULL ? "" : ", did you mean '",
		       near == NULL ? "" : near, near == NULL ? "" : "'?");
}

int
admin_credential_iterations(const struct admin_options *o, unsigned *out,
			    struct err *e)
{
	const char *text = o->iterations;
	uint64_t n = 0;

	if (text != NULL &&
	    (span_u64(span_of(text), &n) != 0 || n < SCRAM_ITERATIONS_MIN ||
	     n > SCRAM_ITERATIONS_MAX))
		return err_set(e, ERR_PERM, 0,
			       "--iterations: '%s' is not %d to %d", text,
			       SCRAM_ITERATIONS_MIN, SCRAM_ITERATIONS_MAX);
	*out = (unsigned)n;
	return 0;
}

/* --scheme=NAME,... and --iterations=N. */
static int
read_options(const struct admin_options *o, struct choice *c, struct err *e)
{
	struct span rest =
	    span_of(o->scheme != NULL ? o->scheme : names[SCRAM_256]);

	*c = (struct choice){ 0 };
	for (bool more = true; more;) {
		long comma = span_find(rest, ',', 0);
		size_t n = comma < 0 ? rest.n : (size_t)comma;
		if (choose(c, span_head(rest, n), e) != 0)
			return -1;
		more = comma >= 0;
		rest = span_skip(rest, n + more);
	}
	return admin_credential_iterations(o, &c->iterations, e);
}

/* The secret that salts are made of, and the count that keys get: the first
 * one is the rule. */
static int
take_secret(struct choice *c, const char *users_file, struct login_secret *s,
	    struct err *e)
{
	unsigned rule = c->iterations != 0 ? c->iterations : SCRAM_ITERATIONS;

	if (login_secret_make(users_file, rule, e) != 0 ||
	    login_secret_read(s, users_file, e) != 0)
		return -1;
	if (c->iterations == 0)
		c->iterations = s->iterations;
	return 0;
}

static int
make_key(const struct choice *c, enum scram_hash hash,
	 const struct login_secret *s, const char *address, struct span p,
	 char *text, struct err *e)
{
	struct scram_key key = { .hash = hash, .iterations = c->iterations };
	struct user user;

	users_canonical(span_of(address), &user);
	int rc = login_secret_salt(s, user.address, &key, e);
	if (rc == 0)
		rc = password_scram(&key, p, text, PASSWORD_STORED_SIZE, e);
	explicit_bzero(&key, sizeof(key));
	return rc;
}

static int
make(const struct choice *c, enum scheme scheme, const struct login_secret *s,
     const char *address, const char *password, char *text, struct err *e)
{
	struct span p = span_of(password);
	int n;

	switch (scheme) {
	case SCRAM_256:
		return make_key(c, SCRAM_SHA_256, s, address, p, text, e);
	case SCRAM_1:
		return make_key(c, SCRAM_SHA_1, s, address, p, text, e);
	case CRYPT:
		return password_hash(p, text, PASSWORD_STORED_SIZE, e);
	case PLAIN:
		break;
	}
	n = snprintf(text, PASSWORD_STORED_SIZE, "{PLAIN}%s", password);
	return n < 0 || n >= PASSWORD_STORED_SIZE
		   ? err_set(e, ERR_BUG, 0, "no room")
		   : 0;
}

int
admin_credential_ask(const struct admin_options *o, const char *users_file,
		     const char *address, struct admin_credentials *c,
		     struct err *e)
{
	char password[PASSWORD_MAX + 2];
	struct login_secret secret;
	struct choice choice;

	c->n = 0;
	if (read_options(o, &choice, e) != 0)
		return -1;
	int rc =
	    admin_password_read(o->password_fd, password, sizeof(password), e);
	if (rc == 0)
		rc = take_secret(&choice, users_file, &secret, e);
	for (size_t i = 0; rc == 0 && i < choice.n; i++) {
		c->list[i] = c->text[i];
		rc = make(&choice, choice.schemes[i], &secret, address,
			  password, c->text[i], e);
		c->n++;
	}
	explicit_bzero(password, sizeof(password));
	explicit_bzero(&secret, sizeof(secret));
	return rc;
}
