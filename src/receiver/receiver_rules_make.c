#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/durable.h"
#include "receiver/receiver_alias_file.h"
#include "receiver/receiver_rules_private.h"

int
receiver_rules_make_address(const struct receiver_rules *r, struct span text,
			    char canonical[ADDRESS_SIZE], struct err *e)
{
	struct address a;
	struct span local, domain;

	if (address_parse_mailbox(text, ADDRESS_ALLOW_UTF8, &a, e) != 0)
		return err_prefix(e, "%.*s", SPAN_ARG(text));
	if (address_canonical(&a, canonical) != 0)
		return err_set(e, ERR_PERM, 0, "too long: %.*s",
			       SPAN_ARG(text));
	address_split(canonical, &local, &domain);
	if (!receiver_rules_is_local(r, domain))
		return err_set(e, ERR_PERM, 0,
			       "%.*s is not in a local domain: mail is not"
			       " forwarded from here",
			       SPAN_ARG(text));
	return 0;
}

/* "sales" stands for every domain and has no '@'; "@xyz.com" is the rest of a
 * domain. */
static int
alias_name(const struct receiver_rules *r, struct span text,
	   char canonical[ADDRESS_SIZE], struct err *e)
{
	char whole[ADDRESS_SIZE];
	bool rest = text.n > 0 && text.p[0] == '@';
	bool bare = memchr(text.p, '@', text.n) == NULL;

	int n = rest || bare
		    ? snprintf(whole, sizeof(whole), "%s%.*s%s%s",
			       rest ? "x" : "", SPAN_ARG(text), bare ? "@" : "",
			       bare ? r->domain[0] : "")
		    : 0;
	if (n < 0 || (size_t)n >= sizeof(whole))
		return err_set(e, ERR_PERM, 0, "too long");
	if (receiver_rules_make_address(r, n > 0 ? span_of(whole) : text,
					canonical, e) != 0)
		return bare ? err_set(e, ERR_PERM, 0, "not a user name") : -1;
	if (bare)
		*strrchr(canonical, '@') = '\0';
	if (rest)
		memmove(canonical, canonical + 1, strlen(canonical));
	return 0;
}

/* Mail leaves the machine through a queue, which this server has not. */
static int
check_target(struct span text, struct err *e)
{
	if (text.n > 0 && (text.p[0] == '|' || text.p[0] == '/' ||
			   text.p[0] == ':' || text.p[0] == '\\'))
		return err_set(e, ERR_PERM, 0,
			       "%.*s: a target is user@domain: there are no"
			       " commands, files or lists to include",
			       SPAN_ARG(text));
	if (memchr(text.p, '@', text.n) == NULL)
		return err_set(e, ERR_PERM, 0, "%.*s has no domain",
			       SPAN_ARG(text));
	return 0;
}

static int
add_target(const struct receiver_rules *r, struct receiver_alias *a,
	   struct span text, struct err *e)
{
	char canonical[ADDRESS_SIZE];

	if (check_target(text, e) != 0 ||
	    receiver_rules_make_address(r, text, canonical, e) != 0)
		return -1;
	return receiver_alias_add(a, canonical, e);
}

static struct receiver_alias *
new_alias(struct receiver_rules *r, struct span name, int line, bool from_file,
	  struct err *e)
{
	char canonical[ADDRESS_SIZE];

	if (alias_name(r, name, canonical, e) != 0)
		return NULL;
	struct receiver_alias *a =
	    receiver_alias_new(&r->aliases, canonical, e);
	if (a == NULL)
		return NULL;
	a->line = line;
	a->from_file = from_file;
	return a;
}

/* ---- [aliases] ------------------------------------------------------------
 */

static int
add_pair(struct receiver_rules *r, const struct option_pair *pair,
	 struct err *e)
{
	struct receiver_alias *a =
	    new_alias(r, span_of(pair->name), pair->line, false, e);
	char list[CONF_LINE_MAX + 1];

	if (a == NULL)
		return -1;
	int n = snprintf(list, sizeof(list), "%s", pair->value);
	if (n < 0 || (size_t)n >= sizeof(list))
		return err_set(e, ERR_PERM, 0, "list too long");
	for (char *c = list; *c != '\0'; c++) {
		if (*c == ',')
			*c = ' ';
	}
	struct span rest = span_of(list);
	for (;;) {
		struct span word = span_word(&rest);
		if (word.n == 0)
			return 0;
		if (add_target(r, a, word, e) != 0)
			return -1;
	}
}

/* ---- the aliases file -----------------------------------------------------
 */

static int
add_words(struct receiver_rules *r, const char *path, struct span text,
	  struct err *e)
{
	struct receiver_alias_file f;
	struct receiver_alias_word w = { .line = 0 };
	struct receiver_alias *a = NULL;
	int more;

	receiver_alias_file_init(&f, text);
	while ((more = receiver_alias_file_next(&f, &w, e)) == 1) {
		if (!w.is_name && a == NULL) /* the file begins with a name */
			return err_set(e, ERR_BUG, 0,
				       "an alias without a name");
		if (!w.is_name && add_target(r, a, w.text, e) == 0)
			continue;
		if (w.is_name) {
			a = new_alias(r, w.text, w.line, true, e);
			if (a != NULL)
				continue;
			return err_prefix(e, "%s:%d: %.*s", path, w.line,
					  SPAN_ARG(span_head(w.text, 100)));
		}
		return err_prefix(e, "%s:%d: %s", path, w.line, a->name);
	}
	return more == 0 ? 0 : err_prefix(e, "%s:%d", path, f.line);
}

static int
add_file(struct receiver_rules *r, const char *path, struct err *e)
{
	char *text = NULL;
	size_t n = 0;

	if (path == NULL || path[0] == '\0')
		return 0;
	if (durable_read_file(AT_FDCWD, path, RECEIVER_ALIAS_FILE_MAX, &text,
			      &n, e) != 0)
		return err_prefix(e, "aliases-file %s", path);
	int rc = add_words(r, path, span_make(text, n), e);
	free(text);
	return rc;
}

int
receiver_rules_make_aliases(struct receiver_rules *r, const char *path,
			    const struct receiver_options *o, struct err *e)
{
	const struct receiver_alias *bad;

	for (size_t i = 0; i < o->aliases.n; i++) {
		const struct option_pair *pair = &o->aliases.v[i];
		if (add_pair(r, pair, e) != 0)
			return err_prefix(e, "%s:%d: %s", path, pair->line,
					  pair->name);
	}
	if (add_file(r, o->aliases_file, e) != 0)
		return -1;
	if (receiver_alias_finish(&r->aliases, &bad, e) == 0)
		return 0;
	if (bad == NULL)
		return -1;
	return err_prefix(e, "%s:%d: %s",
			  bad->from_file ? o->aliases_file : path, bad->line,
			  bad->name);
}
