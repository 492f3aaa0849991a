#include "base/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/durable.h"
#include "base/notify.h"

enum exit_status {
	STATUS_FINE = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	STATUS_GO_ON = -1, /* nothing to end with yet */
};

struct args {
	const char *config;
	bool config_given, foreground, check, dump;
};

/* Everything of the running process that the steps below share. */
struct life {
	const struct daemon_program *p;
	char *config; /* absolute, for SIGHUP */
	void *values; /* live until the end */
	struct daemon_settings set;
	int ready_fd; /* to the parent that waits, or -1 */
	void *server;
	struct daemon_ports ports;
	bool pid_written, ports_written;
};

void
daemon_ports_add(struct daemon_ports *p, const char *name, uint16_t port)
{
	if (p->n >= DAEMON_PORTS_MAX)
		return;
	(void)snprintf(p->v[p->n].name, sizeof(p->v[p->n].name), "%s", name);
	p->v[p->n++].port = port;
}

static bool
is_set(const char *s)
{
	return s != NULL && s[0] != '\0';
}

/* ---- command line -------------------------------------------------------
 * By hand: getopt_long's struct option is a name that ours has taken.
 */

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
	return STATUS_USAGE;
}

static int
read_args(const struct daemon_program *p, int argc, char **argv, struct args *a)
{
	static const char config[] = "--config=";

	a->config = p->config_path;
	for (int i = 1; i < argc; i++) {
		const char *arg = argv[i];
		if (strcmp(arg, "--help") == 0) {
			print_help(p);
			return STATUS_FINE;
		} else if (strcmp(arg, "--version") == 0) {
			(void)printf("%s (postpair) %s\n", p->name,
				     PACKAGE_VERSION);
			return STATUS_FINE;
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
	return STATUS_GO_ON;
}

/* ---- configuration ------------------------------------------------------
 */

static int
load(const struct daemon_program *p, const char *path, void **values,
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

static void
unload(const struct daemon_program *p, void *values)
{
	if (values == NULL)
		return;
	option_free(p->options, values);
	free(values);
}

static int
dump_options(const struct daemon_program *p, const struct args *a,
	     struct err *e)
{
	void *v = NULL;

	if (a->config_given) {
		if (load(p, a->config, &v, e) != 0)
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
	unload(p, v);
	return 0;
}

/* ---- becoming a daemon --------------------------------------------------
 */

/* A client is a descriptor: take as many as the system lets us have. */
static void
raise_descriptors(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &r);
	}
}

/*
 * Fork into the background.  The first process waits on a pipe for one byte
 * (ready) or its end (failed, the reason is on standard error) and never
 * returns.  Called before any thread exists.
 */
static int
go_background(struct life *l, struct err *e)
{
	int fd[2];
	char ready;

	if (pipe2(fd, O_CLOEXEC) != 0)
		return err_set(e, ERR_TEMP, errno, "pipe");
	(void)fflush(NULL);
	pid_t pid = fork();
	if (pid < 0)
		return err_set(e, ERR_TEMP, errno, "fork");
	if (pid > 0) {
		(void)close(fd[1]);
		ssize_t got;
		while ((got = read(fd[0], &ready, 1)) < 0 && errno == EINTR)
			;
		_exit(got == 1 ? STATUS_FINE : STATUS_FAILED);
	}
	(void)close(fd[0]);
	l->ready_fd = fd[1];
	if (setsid() < 0)
		return err_set(e, ERR_TEMP, errno, "setsid");
	return 0;
}

/* Ready: let the parent go and let go of the terminal. */
static void
leave_terminal(struct life *l)
{
	if (l->ready_fd < 0)
		return;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		(void)dup2(null, STDIN_FILENO);
		(void)dup2(null, STDOUT_FILENO);
		(void)dup2(null, STDERR_FILENO);
		if (null > STDERR_FILENO)
			(void)close(null);
	}
	ssize_t ignored = write(l->ready_fd, "", 1);
	(void)ignored;
	(void)close(l->ready_fd);
	l->ready_fd = -1;
}

/* Become `user` for good, groups included; only root can and needs to. */
static int
become(const struct passwd *pw, struct err *e)
{
	if (initgroups(pw->pw_name, pw->pw_gid) != 0 ||
	    setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) != 0 ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) != 0)
		return err_set(e, ERR_PERM, errno, "cannot become user '%s'",
			       pw->pw_name);
	if (pw->pw_uid != 0 && setuid(0) == 0)
		return err_set(e, ERR_BUG, 0, "root could be had again");
	return 0;
}

static int
drop_privileges(const char *user, struct err *e)
{
	enum { TEXT_BYTES = 65536 };
	struct passwd pw, *found = NULL;

	if (!is_set(user) || geteuid() != 0)
		return 0;
	char *text = malloc(TEXT_BYTES);
	if (text == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "user");
	int rc = getpwnam_r(user, &pw, text, TEXT_BYTES, &found);
	if (rc != 0 || found == NULL)
		rc = err_set(e, ERR_PERM, rc, "user: no such user '%s'", user);
	else
		rc = become(found, e);
	free(text);
	return rc;
}

/* ---- pid and ports files ------------------------------------------------
 */

static int
write_pid(struct life *l, struct err *e)
{
	char text[24];

	if (!is_set(l->set.pid_file))
		return 0;
	(void)snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	if (durable_replace_path(l->set.pid_file, span_of(text), 0644, e) != 0)
		return -1;
	l->pid_written = true;
	return 0;
}

static int
write_ports(struct life *l, struct err *e)
{
	struct buf b;
	int rc = 0;

	if (!is_set(l->set.ports_file))
		return 0;
	buf_init(&b, 8192);
	for (size_t i = 0; i < l->ports.n && rc == 0; i++)
		rc = buf_addf(&b, "%s %u\n", l->ports.v[i].name,
			      (unsigned)l->ports.v[i].port);
	if (rc != 0)
		(void)err_set(e, ERR_TEMP, errno, "ports file");
	else
		rc = durable_replace_path(l->set.ports_file, buf_span(&b), 0644,
					  e);
	buf_free(&b);
	l->ports_written = rc == 0;
	return rc;
}

/* ---- running ------------------------------------------------------------
 */

static void
reload(struct life *l)
{
	struct daemon_settings set = { 0 };
	void *values = NULL;
	char text[64];
	struct err e;

	(void)snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld",
		       (long long)clock_mono_ms() * 1000);
	(void)notify_send(text, NULL);
	if (load(l->p, l->config, &values, &e) != 0)
		goto refused;
	l->p->settings(values, &set);
	if (l->p->reload != NULL && l->p->reload(l->server, values, &e) != 0)
		goto refused;
	/* A daemon keeps its log file; standard error is /dev/null by now. */
	if (log_open(is_set(set.log_file) ? set.log_file : l->set.log_file,
		     set.log_level, &e) != 0)
		goto refused;
	log_event(LOG_INFO, "reloaded", "config", l->config);
	goto out;
refused:
	log_failure(LOG_ERROR, "reload-refused", "config", l->config, &e);
out:
	unload(l->p, values);
	(void)notify_send("READY=1", NULL);
}

static void
announce(const struct life *l)
{
	struct log_line line;

	log_begin(&line, LOG_INFO, "ready");
	log_str(&line, "program", l->p->name);
	log_str(&line, "version", PACKAGE_VERSION);
	log_num(&line, "pid", getpid());
	for (size_t i = 0; i < l->ports.n; i++)
		log_num(&line, l->ports.v[i].name, l->ports.v[i].port);
	log_end(&line);
	if (geteuid() == 0)
		log_event(LOG_WARN, "running-as-root", "hint",
			  "set 'user' in [server]");
	(void)notify_send("READY=1", NULL);
}

/* Wait for signals until one says stop. */
static void
serve(struct life *l, const sigset_t *signals)
{
	for (;;) {
		int sig = 0;
		if (sigwait(signals, &sig) != 0)
			continue;
		if (sig != SIGHUP)
			return;
		reload(l);
	}
}

static void
block_signals(sigset_t *signals)
{
	(void)sigemptyset(signals);
	(void)sigaddset(signals, SIGTERM);
	(void)sigaddset(signals, SIGINT);
	(void)sigaddset(signals, SIGHUP);
	/* Blocked before the first thread, so that all inherit it. */
	(void)pthread_sigmask(SIG_BLOCK, signals, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
}

static int
come_up(struct life *l, const struct args *a, struct err *e)
{
	if (!a->foreground && !is_set(l->set.log_file))
		return err_set(e, ERR_PERM, 0,
			       "%s: [server] log-file is needed without "
			       "--foreground",
			       l->config);
	raise_descriptors();
	(void)umask(027);
	if (!a->foreground && go_background(l, e) != 0)
		return -1;
	if (l->p->bind(&l->server, l->values, &l->ports, e) != 0)
		return -1;
	if (drop_privileges(l->set.user, e) != 0)
		return -1;
	if (log_open(l->set.log_file, l->set.log_level, e) != 0)
		return -1;
	if (l->p->run(l->server, e) != 0)
		return -1;
	return write_pid(l, e) != 0 ? -1 : write_ports(l, e);
}

static void
go_down(struct life *l)
{
	if (l->ports_written)
		(void)unlink(l->set.ports_file);
	if (l->server != NULL)
		l->p->stop(l->server);
	if (l->pid_written)
		(void)unlink(l->set.pid_file);
}

static int
live(struct life *l, const struct args *a)
{
	sigset_t signals;
	struct err e;

	block_signals(&signals);
	if (come_up(l, a, &e) != 0) {
		(void)fprintf(stderr, "%s: %s\n", l->p->name, e.msg);
		if (is_set(l->set.log_file))
			log_event(LOG_ERROR, "not-started", "reason", e.msg);
		go_down(l);
		return STATUS_FAILED;
	}
	announce(l);
	leave_terminal(l);
	serve(l, &signals);
	(void)notify_send("STOPPING=1", NULL);
	log_event(LOG_INFO, "stopping", "program", l->p->name);
	go_down(l);
	log_event(LOG_INFO, "stopped", "program", l->p->name);
	return STATUS_FINE;
}

int
daemon_main(const struct daemon_program *p, int argc, char **argv)
{
	struct life l = { .p = p, .ready_fd = -1 };
	struct args a = { 0 };
	struct err e;

	int status = read_args(p, argc, argv, &a);
	if (status != STATUS_GO_ON)
		return status;
	if (a.dump) {
		if (dump_options(p, &a, &e) == 0)
			return STATUS_FINE;
		(void)fprintf(stderr, "%s: %s\n", p->name, e.msg);
		return STATUS_FAILED;
	}
	if (load(p, a.config, &l.values, &e) != 0) {
		(void)fprintf(stderr, "%s: %s\n", p->name, e.msg);
		return STATUS_FAILED;
	}
	l.config = realpath(a.config, NULL);
	if (a.check) {
		(void)printf("%s: fine\n", a.config);
		status = STATUS_FINE;
	} else if (l.config == NULL) {
		(void)fprintf(stderr, "%s: %s: no memory\n", p->name, a.config);
		status = STATUS_FAILED;
	} else {
		p->settings(l.values, &l.set);
		status = live(&l, &a);
	}
	unload(p, l.values);
	free(l.config);
	return status;
}
