#include "admin/admin_credential.h"

#include <stdio.h>
#include <string.h>

#include "admin/admin_password.h"
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

static int
choose_iterations(struct choice *c, const char *text, struct err *e)
{
	uint64_t n = SCRAM_ITERATIONS;

	if (text != NULL &&
	    (span_u64(span_of(text), &n) != 0 || n < SCRAM_ITERATIONS_MIN ||
	     n > SCRAM_ITERATIONS_MAX))
		return err_set(e, ERR_PERM, 0,
			       "--iterations: '%s' is not %d to %d", text,
			       SCRAM_ITERATIONS_MIN, SCRAM_ITERATIONS_MAX);
	c->iterations = (unsigned)n;
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
	return choose_iterations(c, o->iterations, e);
}

static int
make(const struct choice *c, enum scheme scheme, const char *password,
     char *text, struct err *e)
{
	struct span p = span_of(password);
	int n;

	switch (scheme) {
	case SCRAM_256:
		return password_scram(SCRAM_SHA_256, c->iterations, p, text,
				      PASSWORD_STORED_SIZE, e);
	case SCRAM_1:
		return password_scram(SCRAM_SHA_1, c->iterations, p, text,
				      PASSWORD_STORED_SIZE, e);
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
admin_credential_ask(const struct admin_options *o, struct admin_credentials *c,
		     struct err *e)
{
	char password[PASSWORD_MAX + 2];
	struct choice choice;

	c->n = 0;
	if (read_options(o, &choice, e) != 0)
		return -1;
	int rc =
	    admin_password_read(o->password_fd, password, sizeof(password), e);
	for (size_t i = 0; rc == 0 && i < choice.n; i++) {
		c->list[i] = c->text[i];
		rc = make(&choice, choice.schemes[i], password, c->text[i], e);
		c->n++;
	}
	explicit_bzero(password, sizeof(password));
	return rc;
}
