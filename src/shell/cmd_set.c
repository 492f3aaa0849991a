#include <string.h>

#include "base/conf.h"
#include "shell/cmd.h"
#include "shell/session_tls.h"

static const char *const format_words[] = { "auto", "table", "tsv", "json",
					    NULL };
static const char *const color_words[] = { "auto", "always", "never", NULL };
static const char *const truth_words[] = { "no", "yes", NULL };

enum setting {
	SET_KEY_FORMAT,
	SET_KEY_COLOR,
	SET_KEY_QUIET,
	SET_KEY_VERBOSE,
	SET_KEY_KEEP_GOING,
	SET_KEY_TIMEOUT,
	SET_KEY_CA,
	SET_KEY_CERT,
	SET_KEY_KEY,
	SET_KEYS
};

static const struct {
	const char *name;
	const char *const *words; /* NULL: a time or a file */
	const char *help;
} settings[SET_KEYS] = {
	[SET_KEY_FORMAT] = { "format", format_words, "of list and contact" },
	[SET_KEY_COLOR] = { "color", color_words, "on the terminal" },
	[SET_KEY_QUIET] = { "quiet", truth_words, "do not say what was done" },
	[SET_KEY_VERBOSE] = { "verbose", truth_words,
			      "show commands as they "
			      "run" },
	[SET_KEY_KEEP_GOING] = { "keep-going", truth_words,
				 "go on after a failure" },
	[SET_KEY_TIMEOUT] = { "timeout", NULL, "for an answer of a server" },
	[SET_KEY_CA] = { "ca", NULL, "whom to trust, else the system's" },
	[SET_KEY_CERT] = { "cert", NULL, "a certificate to log in with" },
	[SET_KEY_KEY] = { "key", NULL, "its private key" },
};

/* Where the path of a setting is kept. */
static char *
setting_file(struct shell *sh, enum setting k)
{
	return k == SET_KEY_CA     ? sh->ca_file
	       : k == SET_KEY_CERT ? sh->cert_file
				   : sh->key_file;
}

static const char *
setting_text(struct shell *sh, enum setting k, char text[32])
{
	switch (k) {
	case SET_KEY_CA:
	case SET_KEY_CERT:
	case SET_KEY_KEY:
		return setting_file(sh, k);
	case SET_KEY_FORMAT:
		return format_words[sh->format];
	case SET_KEY_COLOR:
		return color_words[sh->color];
	case SET_KEY_QUIET:
		return truth_words[sh->quiet];
	case SET_KEY_VERBOSE:
		return truth_words[sh->verbose];
	case SET_KEY_KEEP_GOING:
		return truth_words[sh->keep_going];
	case SET_KEY_TIMEOUT:
		(void)snprintf(text, 32, "%lldms", (long long)sh->timeout_ms);
		return text;
	case SET_KEYS:
		break;
	}
	return "";
}

static void
setting_store(struct shell *sh, enum setting k, unsigned value)
{
	switch (k) {
	case SET_KEY_FORMAT:
		sh->format = (enum output_format)value;
		break;
	case SET_KEY_COLOR:
		sh->color = (enum color_when)value;
		break;
	case SET_KEY_QUIET:
		sh->quiet = value != 0;
		break;
	case SET_KEY_VERBOSE:
		sh->verbose = value != 0;
		break;
	case SET_KEY_KEEP_GOING:
		sh->keep_going = value != 0;
		break;
	case SET_KEY_TIMEOUT:
	case SET_KEY_CA:
	case SET_KEY_CERT:
	case SET_KEY_KEY:
	case SET_KEYS:
		break;
	}
}

static int
unknown_setting(struct shell *sh, const char *name)
{
	const char *names[SET_KEYS], *near;

	for (int i = 0; i < SET_KEYS; i++)
		names[i] = settings[i].name;
	near = conf_nearest(name, names, SET_KEYS);
	(void)failure_set(&sh->fail, SHELL_USAGE, "%s: unknown setting", name);
	if (near != NULL)
		failure_hint(&sh->fail, "did you mean `%s`?", near);
	else
		failure_hint(&sh->fail, "`set` lists them");
	return SHELL_USAGE;
}

/* Which setting; -1 with sh->fail: none. */
static int
find_setting(struct shell *sh, const char *name)
{
	for (int k = 0; k < SET_KEYS; k++)
		if (strcmp(settings[k].name, name) == 0)
			return k;
	(void)unknown_setting(sh, name);
	return -1;
}

/* "" is none.  A certificate is looked at when it is needed, since its key may
 * only be named by the next command. */
static int
set_file(struct shell *sh, enum setting k, const char *path)
{
	char *file = setting_file(sh, k), before[PATHS_SIZE];

	memcpy(before, file, sizeof(before));
	session_tls_reset(sh);
	if (paths_expand(file, path) != 0)
		(void)failure_set(&sh->fail, SHELL_USAGE,
				  "%s wants a shorter path, and a home "
				  "directory for ~",
				  settings[k].name);
	else if (k != SET_KEY_CA || session_tls_ready(sh) == SHELL_OK)
		return SHELL_OK;
	memcpy(file, before, sizeof(before));
	return (int)sh->fail.status;
}

static bool
is_file(enum setting k)
{
	return k == SET_KEY_CA || k == SET_KEY_CERT || k == SET_KEY_KEY;
}

/* Which of its words, or how many milliseconds; 0 for a path. */
static int
take_value(struct shell *sh, enum setting k, const struct arg *value,
	   int64_t *number)
{
	const char *const *w = settings[k].words;

	*number = 0;
	if (is_file(k))
		return SHELL_OK;
	if (w == NULL) {
		if (shell_parse_time(arg_span(value), number) != 0)
			return failure_set(&sh->fail, SHELL_USAGE,
					   "%s wants a time: 500ms, 30s, 2m",
					   settings[k].name);
		return SHELL_OK;
	}
	for (unsigned i = 0; w[i] != NULL; i++) {
		if (strcmp(w[i], value->text) == 0) {
			*number = i;
			return SHELL_OK;
		}
	}
	(void)failure_set(&sh->fail, SHELL_USAGE, "%s cannot be `%s`",
			  settings[k].name, value->text);
	failure_hint(&sh->fail, "%s, %s%s%s%s%s", w[0], w[1],
		     w[2] == NULL ? "" : ", ", w[2] == NULL ? "" : w[2],
		     w[2] == NULL || w[3] == NULL ? "" : ", ",
		     w[2] == NULL || w[3] == NULL ? "" : w[3]);
	return SHELL_USAGE;
}

static int
set_one(struct shell *sh, enum setting k, const struct arg *value)
{
	int64_t number;
	int rc = take_value(sh, k, value, &number);

	if (rc != SHELL_OK)
		return rc;
	if (is_file(k))
		return set_file(sh, k, value->text);
	if (k == SET_KEY_TIMEOUT)
		sh->timeout_ms = number;
	else
		setting_store(sh, k, (unsigned)number);
	return SHELL_OK;
}

int
cmd_set_check(struct shell *sh, const struct args *a)
{
	int k = a->n == 0 ? 0 : find_setting(sh, a->operand[0].text);
	int64_t number;

	if (k < 0)
		return (int)sh->fail.status;
	return a->n < 2
		   ? SHELL_OK
		   : take_value(sh, (enum setting)k, &a->operand[1], &number);
}

int
cmd_set(struct shell *sh, const struct args *a)
{
	char text[32];
	int k = 0;

	if (a->n == 0) {
		for (; k < SET_KEYS; k++)
			(void)fprintf(sh->out, "%-12s %-8s %s\n",
				      settings[k].name,
				      setting_text(sh, (enum setting)k, text),
				      settings[k].help);
		return SHELL_OK;
	}
	k = find_setting(sh, a->operand[0].text);
	if (k < 0)
		return (int)sh->fail.status;
	if (a->n > 1)
		return set_one(sh, (enum setting)k, &a->operand[1]);
	(void)fprintf(sh->out, "%s\n", setting_text(sh, (enum setting)k, text));
	return SHELL_OK;
}

const char *
cmd_set_name(size_t i)
{
	return i < SET_KEYS ? settings[i].name : NULL;
}

const char *const *
cmd_set_words(size_t i, bool *file)
{
	*file = is_file((enum setting)i);
	return settings[i].words;
}
