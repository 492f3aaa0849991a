#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/daemon_private.h"

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
	option_dump(p->options, v, stdout);
	daemon_unload(p, v);
	return 0;
}
