#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "admin/admin.h"
#include "base/conf.h"

extern char **environ;

/* One key of [server]. */
struct wanted {
	const char *key;
	char *value;
};

static int
note(void *ctx, int line, const char *section, const char *key,
     const char *value, struct err *e)
{
	struct wanted *w = ctx;

	(void)line;
	if (strcmp(section, "server") != 0 || strcmp(key, w->key) != 0)
		return 0;
	free(w->value);
	w->value = strdup(value);
	return w->value == NULL ? err_set(e, ERR_TEMP, ENOMEM, "%s", key) : 0;
}

static int
find_value(const char *path, const char *key, const char *fallback,
	   char **value, struct err *e)
{
	struct wanted w = { .key = key };

	*value = NULL;
	if (conf_parse_file(path, note, &w, e) != 0) {
		free(w.value);
		return -1;
	}
	if (w.value == NULL) /* the servers' default holds */
		w.value = strdup(fallback);
	*value = w.value;
	return *value == NULL ? err_set(e, ERR_TEMP, ENOMEM, "%s", key) : 0;
}

int
admin_config_users(const char *path, char **users, struct err *e)
{
	return find_value(path, "users-file", ADMIN_USERS_FILE, users, e);
}

int
admin_config_data_dir(const char *path, char **dir, struct err *e)
{
	return find_value(path != NULL ? path : ADMIN_SENDER_CONFIG, "data-dir",
			  ADMIN_SENDER_DATA, dir, e);
}

int
admin_config_maildirs(const char *path, char **dir, struct err *e)
{
	return find_value(path != NULL ? path : ADMIN_RECEIVER_CONFIG,
			  "maildirs", ADMIN_MAILDIRS, dir, e);
}

/* The server that lies beside this program, else the one on the PATH. */
static int
find_server(const char *name, char *path, size_t size)
{
	char self[1024];

	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n > 0) {
		self[n] = '\0';
		char *slash = strrchr(self, '/');
		if (slash != NULL) {
			*slash = '\0';
			int len =
			    snprintf(path, size, "%s/postpair-%s", self, name);
			if (len > 0 && (size_t)len < size &&
			    access(path, X_OK) == 0)
				return 0;
		}
	}
	int len = snprintf(path, size, "postpair-%s", name);
	return len > 0 && (size_t)len < size ? 0 : -1;
}

/* `postpair-NAME --check --config FILE`: who reads the file knows it best,
 * and reads the users file that it names as well. */
static int
ask_server(const char *name, char *file, int *status, struct err *e)
{
	static const char check[] = "--check", config[] = "--config";
	char path[1200], check_arg[sizeof(check)], config_arg[sizeof(config)];
	pid_t pid;

	if (find_server(name, path, sizeof(path)) != 0)
		return err_set(e, ERR_TEMP, ENAMETOOLONG, "postpair-%s", name);
	memcpy(check_arg, check, sizeof(check));
	memcpy(config_arg, config, sizeof(config));
	char *argv[] = { path, check_arg, config_arg, file, NULL };
	int sys = posix_spawnp(&pid, path, NULL, NULL, argv, environ);
	if (sys != 0)
		return err_set(e, ERR_TEMP, sys, "cannot run %s", path);
	while (waitpid(pid, status, 0) < 0) {
		if (errno != EINTR)
			return err_set(e, ERR_TEMP, errno, "%s", path);
	}
	return 0;
}

/* `postpair-receiver --check --config FILE`, its standard error ours to read.
 */
static FILE *
read_remarks(const char *config, pid_t *pid)
{
	char path[1200], check[] = "--check", option[] = "--config";
	posix_spawn_file_actions_t a;
	char *file = strdup(config);
	int ends[2];

	if (file == NULL || find_server("receiver", path, sizeof(path)) != 0 ||
	    pipe2(ends, O_CLOEXEC) != 0) {
		free(file);
		return NULL;
	}
	char *argv[] = { path, check, option, file, NULL };
	int sys = posix_spawn_file_actions_init(&a);
	if (sys == 0) {
		sys = posix_spawn_file_actions_adddup2(&a, ends[1],
						       STDERR_FILENO);
		if (sys == 0)
			sys = posix_spawn_file_actions_addopen(
			    &a, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
		if (sys == 0)
			sys = posix_spawnp(pid, path, &a, NULL, argv, environ);
		(void)posix_spawn_file_actions_destroy(&a);
	}
	free(file);
	(void)close(ends[1]);
	FILE *from = sys == 0 ? fdopen(ends[0], "r") : NULL;
	if (from == NULL)
		(void)close(ends[0]);
	return from;
}

void
admin_config_unknown(const char *path, const char *users)
{
	char line[4096], *own = NULL;
	pid_t pid = -1;
	int status;

	if (access(path, R_OK) != 0 ||
	    admin_config_users(path, &own, NULL) != 0)
		return;
	FILE *from = strcmp(own, users) == 0 ? read_remarks(path, &pid) : NULL;
	free(own);
	if (from == NULL)
		return;
	while (fgets(line, sizeof(line), from) != NULL) {
		const char *event = strstr(line, " alias-target-unknown ");
		if (event == NULL)
			event = strstr(line, " postmaster-unknown ");
		if (event != NULL)
			(void)fprintf(stderr, "postpair-admin:%s", event);
	}
	(void)fclose(from);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
}

int
admin_config_check(const struct admin_options *o, char **args)
{
	struct err e = { 0 };
	int status = 0;

	(void)o;
	if (strcmp(args[0], "sender") != 0 &&
	    strcmp(args[0], "receiver") != 0) {
		(void)err_set(&e, ERR_PERM, 0, "'%s' is not sender or receiver",
			      args[0]);
		return admin_fail(ADMIN_USAGE, &e);
	}
	if (access(args[1], R_OK) != 0) {
		(void)err_set(&e, ERR_TEMP, errno, "cannot open %s", args[1]);
		return admin_fail(ADMIN_NO_INPUT, &e);
	}
	if (ask_server(args[0], args[1], &status, &e) != 0)
		return admin_fail(ADMIN_OS, &e);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return ADMIN_CONFIG; /* the server has said why */
	return ADMIN_OK;
}
