#include "milter/milter_setup.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/conf.h"
#include "net/dial.h"
#include "net/unix_socket.h"

struct milter_setup {
	atomic_uint references;
	size_t n;
	struct milter_config v[];
};

static void
clear_config(struct milter_config *c)
{
	free(c->at.name);
	free(c->at.host);
	free(c->at.path);
	*c = (struct milter_config){ 0 };
}

/* ---- one line -------------------------------------------------------------
 */

static int
parse_place(struct milter_endpoint *at, struct span place, struct err *e)
{
	const struct span inet = span_of("inet:"), local = span_of("unix:");
	char host[NET_HOST_SIZE];

	if (span_starts_nocase(place, local)) {
		struct span path = span_skip(place, local.n);
		if (path.n == 0 || path.p[0] != '/' ||
		    path.n >= UNIX_SOCKET_PATH_SIZE)
			return err_set(e, ERR_PERM, 0,
				       "unix: needs an absolute path of at most"
				       " %d bytes",
				       UNIX_SOCKET_PATH_SIZE - 1);
		at->path = strndup(path.p, path.n);
		return at->path != NULL
			   ? 0
			   : err_set(e, ERR_TEMP, ENOMEM, "milter");
	}
	if (!span_starts_nocase(place, inet))
		return err_set(e, ERR_PERM, 0,
			       "'%.*s' is not inet:HOST:PORT or unix:/PATH",
			       SPAN_ARG(place));
	if (net_endpoint(span_skip(place, inet.n), -1, host, &at->port, e) != 0)
		return -1;
	if (at->port == 0)
		return err_set(e, ERR_PERM, 0, "port 0");
	at->host = strdup(host);
	return at->host != NULL ? 0 : err_set(e, ERR_TEMP, ENOMEM, "milter");
}

static int
parse_fallback(struct milter_config *c, struct span value, struct err *e)
{
	static const char *const words[] = {
		[MILTER_TO_TEMPFAIL] = "tempfail",
		[MILTER_TO_ACCEPT] = "accept",
		[MILTER_TO_REJECT] = "reject",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!span_eq(value, span_of(words[i])))
			continue;
		c->fallback = (enum milter_fallback)i;
		return 0;
	}
	return err_set(e, ERR_PERM, 0,
		       "default is tempfail, accept or reject, not '%.*s'",
		       SPAN_ARG(value));
}

static int
parse_option(struct milter_config *c, struct span word, struct err *e)
{
	static const char *const keys[] = { "connect-timeout",
					    "command-timeout",
					    "content-timeout", "end-timeout",
					    "default" };
	int64_t *const times[] = { &c->at.connect_ms, &c->at.command_ms,
				   &c->at.content_ms, &c->at.end_ms };
	const size_t n_times = sizeof(times) / sizeof(times[0]);
	long eq = span_find(word, '=', 0);
	struct span key = eq < 0 ? word : span_head(word, (size_t)eq);
	struct span value = span_skip(word, eq < 0 ? word.n : (size_t)eq + 1);
	char text[64];

	for (size_t i = 0; i < n_times; i++) {
		if (!span_eq(key, span_of(keys[i])))
			continue;
		if (option_parse_time(value, times[i]) == 0 && *times[i] > 0 &&
		    *times[i] <= (int64_t)60 * 60 * 1000)
			return 0;
		return err_set(e, ERR_PERM, 0,
			       "%s: '%.*s' is not a time from 1ms to 1h",
			       keys[i], SPAN_ARG(value));
	}
	if (span_eq(key, span_of("default")))
		return parse_fallback(c, value, e);
	const char *near = NULL;
	if (span_copy(key, text, sizeof(text)) == 0)
		near = conf_nearest(text, keys, sizeof(keys) / sizeof(keys[0]));
	return err_set(e, ERR_PERM, 0, "unknown option '%.*s'%s%s%s",
		       SPAN_ARG(key), near != NULL ? ", did you mean '" : "",
		       near != NULL ? near : "", near != NULL ? "'?" : "");
}

/* The defaults leave our own client, who waits ten minutes for the reply to a
 * message (RFC 5321 4.5.3.2.6), time for two milters. */
static int
parse_line(struct milter_config *c, const struct option_pair *p, struct err *e)
{
	struct span rest = span_of(p->value);
	struct span word = span_word(&rest);

	*c = (struct milter_config){
		.at = { .connect_ms = 10 * 1000,
			.command_ms = 30 * 1000,
			.content_ms = 2 * 60 * 1000,
			.end_ms = 2 * 60 * 1000 },
	};
	c->at.name = strdup(p->name);
	if (c->at.name == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "milter");
	if (parse_place(&c->at, word, e) != 0)
		return -1;
	while ((word = span_word(&rest)).n > 0) {
		if (parse_option(c, word, e) != 0)
			return -1;
	}
	return 0;
}

/* ---- all of them ----------------------------------------------------------
 */

static int
check_section(const char *path, const struct option_map *section, struct err *e)
{
	for (size_t i = 0; i < section->n; i++) {
		struct milter_config c = { 0 };
		int rc = parse_line(&c, &section->v[i], e);
		clear_config(&c);
		if (rc != 0)
			return err_prefix(e, "%s:%d: %s", path,
					  section->v[i].line,
					  section->v[i].name);
	}
	return 0;
}

static const struct option_pair *
find_line(const struct option_map *section, const char *name)
{
	for (size_t i = 0; i < section->n; i++) {
		if (strcmp(section->v[i].name, name) == 0)
			return &section->v[i];
	}
	return NULL;
}

static int
unknown(const struct option_map *section, const char *name, struct err *e)
{
	const char *near = NULL;
	const char **names = calloc(section->n + 1, sizeof(*names));

	for (size_t i = 0; names != NULL && i < section->n; i++)
		names[i] = section->v[i].name;
	if (names != NULL)
		near = conf_nearest(name, names, section->n);
	(void)err_set(e, ERR_PERM, 0, "no '%s' in [milters]%s%s%s", name,
		      near != NULL ? ", did you mean '" : "",
		      near != NULL ? near : "", near != NULL ? "'?" : "");
	free(names);
	return -1;
}

static int
add(struct milter_setup *s, const struct option_map *section, const char *name,
    struct err *e)
{
	const struct option_pair *line = find_line(section, name);

	if (line == NULL)
		return unknown(section, name, e);
	for (size_t i = 0; i < s->n; i++) {
		if (strcmp(s->v[i].at.name, name) == 0)
			return err_set(e, ERR_PERM, 0, "'%s' stands twice",
				       name);
	}
	return parse_line(&s->v[s->n++], line, e);
}

int
milter_setup_new(struct milter_setup **out, const char *path,
		 const struct option_map *section, const char *service,
		 const struct option_list *names, struct err *e)
{
	struct milter_setup *s = NULL;

	*out = NULL;
	if (check_section(path, section, e) != 0)
		return -1;
	if (names->n == 0)
		return 0;
	if (names->n > MILTER_CHAIN_MAX) {
		(void)err_set(e, ERR_PERM, 0, "over %d milters",
			      MILTER_CHAIN_MAX);
		return err_prefix(e, "%s: %s: milters", path, service);
	}
	s = calloc(1, sizeof(*s) + names->n * sizeof(s->v[0]));
	if (s == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "milters");
	atomic_init(&s->references, 1);
	for (size_t i = 0; i < names->n; i++) {
		if (add(s, section, names->v[i], e) != 0) {
			milter_setup_drop(&s);
			return err_prefix(e, "%s: %s: milters", path, service);
		}
	}
	*out = s;
	return 0;
}

struct milter_setup *
milter_setup_hold(struct milter_setup *s)
{
	if (s != NULL)
		(void)atomic_fetch_add(&s->references, 1);
	return s;
}

void
milter_setup_drop(struct milter_setup **out)
{
	struct milter_setup *s = *out;

	*out = NULL;
	if (s == NULL || atomic_fetch_sub(&s->references, 1) > 1)
		return;
	for (size_t i = 0; i < s->n; i++)
		clear_config(&s->v[i]);
	free(s);
}

size_t
milter_setup_count(const struct milter_setup *s)
{
	return s->n;
}

const struct milter_config *
milter_setup_at(const struct milter_setup *s, size_t i)
{
	return &s->v[i];
}
