#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/daemon_private.h"
#include "base/durable.h"
#include "base/log_writer.h"
#include "base/notify.h"

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

const char *const daemon_log_levels[] = { "debug", "info", "warn", "error",
					  NULL };

void
daemon_ports_add(struct daemon_ports *p, const char *name, uint16_t port)
{
	if (p->n >= DAEMON_PORTS_MAX)
		return;
	(void)snprintf(p->v[p->n].name, sizeof(p->v[p->n].name), "%s", name);
	p->v[p->n++].port = port;
}

/* ---- pid and ports files ------------------------------------------------
 */

static int
write_pid(struct life *l, struct err *e)
{
	char text[24];

	if (!daemon_is_set(l->set.pid_file))
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

	if (!daemon_is_set(l->set.ports_file))
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
	if (daemon_load(l->p, l->config, &values, &e) != 0)
		goto refused;
	l->p->settings(values, &set);
	if (l->p->reload != NULL && l->p->reload(l->server, values, &e) != 0)
		goto refused;
	/* A daemon keeps its log file; standard error is /dev/null by now. */
	if (log_open(daemon_is_set(set.log_file) ? set.log_file
						 : l->set.log_file,
		     set.log_level, &e) != 0)
		goto refused;
	daemon_note_restart(l->p, l->values, values);
	if (l->p->remark != NULL)
		l->p->remark(values);
	log_event(LOG_INFO, "reloaded", "config", l->config);
	goto out;
refused:
	log_failure(LOG_ERROR, "reload-refused", "config", l->config, &e);
out:
	daemon_unload(l->p, values);
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
			  "[server] user = root; a user of its own is better");
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
come_up(struct life *l, const struct daemon_args *a, struct err *e)
{
	if (!a->foreground && !daemon_is_set(l->set.log_file))
		return err_set(e, ERR_PERM, 0,
			       "%s: [server] log-file is needed without "
			       "--foreground",
			       l->config);
	daemon_raise_descriptors();
	(void)umask(027);
	if (!a->foreground && daemon_go_background(&l->ready_fd, e) != 0)
		return -1;
	if (l->p->bind(&l->server, l->values, &l->ports, e) != 0)
		return -1;
	if (daemon_become(l->set.user, e) != 0)
		return -1;
	if (log_open(l->set.log_file, l->set.log_level, e) != 0 ||
	    log_writer_start(l->set.log_delay_ms, e) != 0)
		return -1;
	if (l->p->remark != NULL)
		l->p->remark(l->values);
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
live(struct life *l, const struct daemon_args *a)
{
	sigset_t signals;
	struct err e;

	block_signals(&signals);
	if (come_up(l, a, &e) != 0) {
		(void)fprintf(stderr, "%s: %s\n", l->p->name, e.msg);
		if (daemon_is_set(l->set.log_file))
			log_event(LOG_ERROR, "not-started", "reason", e.msg);
		go_down(l);
		log_writer_stop();
		return DAEMON_FAILED;
	}
	announce(l);
	daemon_leave_terminal(&l->ready_fd);
	serve(l, &signals);
	(void)notify_send("STOPPING=1", NULL);
	log_event(LOG_INFO, "stopping", "program", l->p->name);
	go_down(l);
	log_event(LOG_INFO, "stopped", "program", l->p->name);
	log_writer_stop();
	return DAEMON_FINE;
}

int
daemon_main(const struct daemon_program *p, int argc, char **argv)
{
	struct life l = { .p = p, .ready_fd = -1 };
	struct daemon_args a = { 0 };
	struct err e;

	int status = daemon_read_args(p, argc, argv, &a);
	if (status != DAEMON_GO_ON)
		return status;
	if (a.dump) {
		if (daemon_dump(p, &a, &e) == 0)
			return DAEMON_FINE;
		(void)fprintf(stderr, "%s: %s\n", p->name, e.msg);
		return DAEMON_FAILED;
	}
	if (daemon_load(p, a.config, &l.values, &e) != 0) {
		(void)fprintf(stderr, "%s: %s\n", p->name, e.msg);
		return DAEMON_FAILED;
	}
	l.config = realpath(a.config, NULL);
	p->settings(l.values, &l.set);
	if (l.config == NULL) {
		(void)fprintf(stderr, "%s: %s: no memory\n", p->name, a.config);
		status = DAEMON_FAILED;
	} else if (daemon_check_root(l.config, l.set.user, &e) != 0) {
		(void)fprintf(stderr, "%s: %s\n", p->name, e.msg);
		status = DAEMON_FAILED;
	} else if (a.check) {
		if (p->remark != NULL)
			p->remark(l.values);
		(void)printf("%s: fine\n", a.config);
		status = DAEMON_FINE;
	} else {
		status = live(&l, &a);
	}
	daemon_unload(p, l.values);
	free(l.config);
	return status;
}
