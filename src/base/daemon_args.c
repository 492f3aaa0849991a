#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/daemon_private.h"
#include "base/log.h"

/* The command line of a server, by hand: getopt_long's struct option is a name
 * that ours has taken.  And the configuration it names. */

static void
print_help(const struct daemon_program *p)
{
	(void)printf("Usage: %s [OPTION]...\n%s\n\n"
		     "  -c, --config=FILE   configuration file (default %s)\n"
		     "  -f, --foreground    stay in the foreground\n"
		     "      --check         check the configuration and exit\n"
		     "      --dump-options  print every option with its value"
		     " and exit\n"
		     "      --version       print the version and exit\n"
		     "      --help          print this help and exit\n",
		     p->name, p->summary, p->config_path);
}

static int
usage_error(const struct daemon_program *p, const char *what, const char *arg)
{
	(void)fprintf(stderr, "%s: %s '%s' (try --help)\n", p->name, what, arg);
	return DAEMON_USAGE;
}

int
daemon_read_args(const struct daemon_program *p, int argc, char **argv,
		 struct daemon_args *a)
{
	static const char config[] = "--config=";

	a->config = p->config_path;
	for (int i = 1; i < argc; i++) {
		const char *arg = argv[i];
		if (strcmp(arg, "--help") == 0) {
			print_help(p);
			return DAEMON_FINE;
		} else if (strcmp(arg, "--version") == 0) {
			(void)printf("%s (postpair) %s\n", p->name,
				     PACKAGE_VERSION);
			return DAEMON_FINE;
		} else if (strcmp(arg, "--foreground") == 0 ||
			   strcmp(arg, "-f") == 0) {
			a->foreground = true;
		} else if (strcmp(arg, "--check") == 0) {
			a->check = true;
		} else if (strcmp(arg, "--dump-options") == 0) {
			a->dump = true;
		} else if (strcmp(arg, "-c") == 0 ||
			   strcmp(arg, "--config") == 0) {
			if (++i >= argc)
				return usage_error(p, "no file after", arg);
			a->config = argv[i];
			a->config_given = true;
		} else if (strncmp(arg, config, sizeof(config) - 1) == 0) {
			a->config = arg + sizeof(config) - 1;
			a->config_given = true;
		} else {
			return usage_error(p, "unknown argument", arg);
		}
	}
	return DAEMON_GO_ON;
}

int
daemon_load(const struct daemon_program *p, const char *path, void **values,
	    struct err *e)
{
	void *v = calloc(1, p->values_size);

	if (v == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "configuration");
	if (option_load(p->options, path, v, e) != 0) {
		free(v);
		return -1;
	}
	if (p->check != NULL && p->check(path, v, e) != 0) {
		option_free(p->options, v);
		free(v);
		return -1;
	}
	*values = v;
	return 0;
}

void
daemon_unload(const struct daemon_program *p, void *values)
{
	if (values == NULL)
		return;
	option_free(p->options, values);
	free(values);
}

static bool
is_live(const struct daemon_program *p, const struct option *o)
{
	size_t n = strlen(o->section);

	for (size_t i = 0; p->live != NULL && p->live[i] != NULL; i++) {
		const char *at = p->live[i];
		if (strncmp(at, o->section, n) == 0 &&
		    (at[n] == '\0' || (at[n] == '/' && o->key != NULL &&
				       strcmp(at + n + 1, o->key) == 0)))
			return true;
	}
	return false;
}

void
daemon_note_restart(const struct daemon_program *p, const void *started,
		    const void *now)
{
	char name[128];

	for (const struct option *o = p->options; o->section != NULL; o++) {
		if (is_live(p, o) || option_is_same(o, started, now))
			continue;
		(void)snprintf(name, sizeof(name), "[%s]%s%s", o->section,
			       o->key != NULL ? " " : "",
			       o->key != NULL ? o->key : "");
		log_event(LOG_WARN, "restart-needed", "key", name);
	}
}

static const char *
note_live(const void *program, const struct option *o)
{
	return is_live(program, o) ? "SIGHUP takes it over." : NULL;
}

int
daemon_dump(const struct daemon_program *p, const struct daemon_args *a,
	    struct err *e)
{
	void *v = NULL;

	if (a->config_given) {
		if (daemon_load(p, a->config, &v, e) != 0)
			return -1;
	} else {
		v = calloc(1, p->values_size);
		if (v == NULL)
			return err_set(e, ERR_TEMP, ENOMEM, "options");
		if (option_defaults(p->options, v, e) != 0) {
			free(v);
			return -1;
		}
	}
	option_dump_noted(p->options, v, note_live, p, stdout);
	daemon_unload(p, v);
	return 0;
}
