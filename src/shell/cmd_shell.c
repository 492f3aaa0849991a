#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/conf.h"
#include "shell/cmd.h"
#include "shell/lex.h"
#include "shell/output.h"
#include "shell/run.h"
#include "shell/session_tls.h"
#include "shell/tty.h"

int
cmd_echo(struct shell *sh, const struct args *a)
{
	for (size_t i = 0; i < a->n; i++)
		(void)fprintf(sh->out, "%s%s", i > 0 ? " " : "",
			      a->operand[i].text);
	(void)fputc('\n', sh->out);
	return SHELL_OK;
}

int
cmd_let(struct shell *sh, const struct args *a)
{
	static const char *const own[] = { "error", "code", "enhanced", "count",
					   "last" };
	struct span name = arg_span(&a->operand[0]);
	struct err e = { 0 };

	if (!lex_is_name(name))
		return failure_set(&sh->fail, SHELL_USAGE,
				   "a name is letters, digits and _");
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (span_eq(name, span_of(own[i])))
			return failure_set(&sh->fail, SHELL_USAGE,
					   "$%s is set by the shell itself",
					   own[i]);
	if (vars_set(&sh->vars, name, arg_span(&a->operand[1]), &e) != 0)
		return failure_from_local(&sh->fail, &e);
	return SHELL_OK;
}

/* ---- trace ----------------------------------------------------------------
 */

static void
trace_off(struct shell *sh)
{
	if (sh->trace_owned)
		(void)fclose(sh->trace);
	sh->trace = NULL;
	sh->trace_owned = false;
}

int
cmd_trace(struct shell *sh, const struct args *a)
{
	const char *word = a->n > 0 ? a->operand[0].text : NULL;
	char text[128];
	FILE *file = NULL;
	int fd;

	if (word == NULL) {
		(void)fprintf(sh->out, "trace is %s\n",
			      sh->trace == NULL ? "off" : "on");
		return SHELL_OK;
	}
	if (strcmp(word, "on") == 0 || strcmp(word, "off") == 0) {
		trace_off(sh);
		if (word[1] == 'n')
			sh->trace = stderr;
		return SHELL_OK;
	}
	/* Addresses are in it: for the user's eyes. */
	fd = open(word, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd >= 0)
		file = fdopen(fd, "a");
	if (file == NULL) {
		(void)failure_set(&sh->fail, SHELL_LOCAL, "%s: %s", word,
				  err_sys_text(errno, text, sizeof(text)));
		if (fd >= 0)
			(void)close(fd);
		return SHELL_LOCAL;
	}
	trace_off(sh);
	sh->trace = file;
	sh->trace_owned = true;
	return SHELL_OK;
}

/* ---- settings -------------------------------------------------------------
 */

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

/* "" is none.  The next connection finds out whether the file is right. */
static int
set_file(struct shell *sh, enum setting k, const char *path)
{
	if (paths_expand(setting_file(sh, k), path) != 0) {
		setting_file(sh, k)[0] = '\0';
		return failure_set(&sh->fail, SHELL_USAGE,
				   "%s wants a shorter path", settings[k].name);
	}
	session_tls_reset(sh);
	return SHELL_OK;
}

static int
set_one(struct shell *sh, enum setting k, const struct arg *value)
{
	const char *const *w = settings[k].words;
	int64_t ms;

	if (k == SET_KEY_CA || k == SET_KEY_CERT || k == SET_KEY_KEY)
		return set_file(sh, k, value->text);
	if (w == NULL) {
		if (shell_parse_time(arg_span(value), &ms) != 0)
			return failure_set(&sh->fail, SHELL_USAGE,
					   "%s wants a time: 500ms, 30s, 2m",
					   settings[k].name);
		sh->timeout_ms = ms;
		return SHELL_OK;
	}
	for (unsigned i = 0; w[i] != NULL; i++) {
		if (strcmp(w[i], value->text) == 0) {
			setting_store(sh, k, i);
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
	while (k < SET_KEYS &&
	       strcmp(settings[k].name, a->operand[0].text) != 0)
		k++;
	if (k == SET_KEYS)
		return unknown_setting(sh, a->operand[0].text);
	if (a->n > 1)
		return set_one(sh, (enum setting)k, &a->operand[1]);
	(void)fprintf(sh->out, "%s\n", setting_text(sh, (enum setting)k, text));
	return SHELL_OK;
}

/* ---- the rest -------------------------------------------------------------
 */

int
cmd_source(struct shell *sh, const struct args *a)
{
	const char *path = a->operand[0].text;
	struct source src;
	char text[128];
	int fd, rc;

	if (sh->depth >= SHELL_DEPTH_MAX)
		return failure_set(&sh->fail, SHELL_USAGE,
				   "files include each other too deep");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return failure_set(&sh->fail, SHELL_LOCAL, "%s: %s", path,
				   err_sys_text(errno, text, sizeof(text)));
	source_from_fd(&src, path, fd, &sh->stop);
	rc = run_source(sh, &src);
	source_free(&src);
	(void)close(fd);
	if (rc == SHELL_OK)
		return SHELL_OK;
	(void)failure_set(&sh->fail, (enum shell_status)rc, "%s failed", path);
	return rc;
}

int
cmd_history(struct shell *sh, const struct args *a)
{
	if (sh->tty == NULL)
		return failure_set(&sh->fail, SHELL_USAGE,
				   "only typed lines have a history");
	tty_history(a->n > 0 ? a->operand[0].text : NULL, sh->out);
	return SHELL_OK;
}

int
cmd_exit(struct shell *sh, const struct args *a)
{
	uint64_t n = 0;
	int rc;

	if (a->n > 0 &&
	    (span_u64(arg_span(&a->operand[0]), &n) != 0 || n > 255))
		return failure_set(&sh->fail, SHELL_USAGE,
				   "a status is 0 to 255");
	if (sh->interactive && sh->draft.exists && !sh->exit_warned) {
		sh->exit_warned = true;
		(void)failure_set(&sh->fail, SHELL_USAGE,
				  "a draft is not sent yet");
		failure_hint(&sh->fail, "`send` it, or `exit` again");
		return SHELL_USAGE;
	}
	rc = cmd_leave(sh);
	sh->exiting = true;
	sh->exit_status = (int)n;
	return rc;
}
