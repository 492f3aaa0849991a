#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/crc32.h"
#include "base/durable.h"
#include "mail/drop.h"
#include "sendmail/sendmail.h"

/*
 * No server: the message is left in the maildrop directory.  postpair-drop,
 * which lies beside this program, alone can write there; what it makes belongs
 * to who runs us, and so tells the server who sends.  Its name is the id that
 * the server was told, if it was asked: what it has, it does not take again.
 */
enum { PATH_SIZE = 1100, BYTES_SIZE = 24 };

/* The program beside this one, also in a build tree. */
static int
find_drop(char path[PATH_SIZE], struct err *e)
{
	static const char name[] = "/postpair-drop";

	ssize_t n = readlink("/proc/self/exe", path, PATH_SIZE - sizeof(name));
	if (n < 0 || n == PATH_SIZE - (ssize_t)sizeof(name))
		return err_set(e, ERR_TEMP, errno, "/proc/self/exe");
	path[n] = '\0';
	char *slash = strrchr(path, '/');
	memcpy(slash != NULL ? slash : path, name, sizeof(name));
	return 0;
}

/* Run it with a pipe as its input; *fd is our end. */
static int
start_drop(const char *maildrop, const char *id, size_t bytes, pid_t *pid,
	   int *fd, struct err *e)
{
	char path[PATH_SIZE], size[BYTES_SIZE], dir[PATH_SIZE];
	char name[SENDMAIL_ID_SIZE];
	char *const argv[] = { path, dir, size, name, NULL };
	char *const env[] = { NULL };
	posix_spawn_file_actions_t in;
	int ends[2];

	int n = snprintf(dir, sizeof(dir), "%s", maildrop);
	if (n < 0 || (size_t)n >= sizeof(dir))
		return err_set(e, ERR_PERM, ENAMETOOLONG, "maildrop");
	(void)snprintf(size, sizeof(size), "%zu", bytes);
	(void)snprintf(name, sizeof(name), "%s", id);
	if (find_drop(path, e) != 0)
		return -1;
	if (pipe2(ends, O_CLOEXEC) != 0)
		return err_set(e, ERR_TEMP, errno, "pipe");
	int sys = posix_spawn_file_actions_init(&in);
	if (sys == 0) {
		sys = posix_spawn_file_actions_adddup2(&in, ends[0],
						       STDIN_FILENO);
		if (sys == 0)
			sys = posix_spawn(pid, path, &in, NULL, argv, env);
		(void)posix_spawn_file_actions_destroy(&in);
	}
	(void)close(ends[0]);
	*fd = ends[1];
	if (sys == 0)
		return 0;
	(void)close(ends[1]);
	return err_set(e, ERR_TEMP, sys, "cannot run %s", path);
}

/* It says why not on standard error itself. */
static int
run_drop(const char *maildrop, const char *id, struct span head,
	 struct span text, struct err *e)
{
	struct err ignored;
	pid_t pid = -1;
	int fd = -1, status = 0;

	if (start_drop(maildrop, id, head.n + text.n, &pid, &fd, e) != 0)
		return -1;
	/* when it ends early, its status tells */
	if (durable_write(fd, head.p, head.n, &ignored) == 0)
		(void)durable_write(fd, text.p, text.n, &ignored);
	(void)close(fd);
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return err_set(e, ERR_TEMP, errno, "postpair-drop");
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == 0
		   ? 0
		   : err_set(e, ERR_TEMP, 0, "the message was not left there");
}

enum sendmail_status
sendmail_drop(const struct sendmail_mail *m, const struct sendmail_args *a,
	      const struct sendmail_options *o, struct err *e)
{
	struct drop *d = calloc(1, sizeof(*d));
	struct buf head;

	if (d == NULL) {
		(void)err_set(e, ERR_TEMP, ENOMEM, "%s", o->maildrop);
		return SENDMAIL_TEMPFAIL;
	}
	d->reverse_path = span_of(m->from);
	d->ret = a->ret;
	if (a->envid != NULL)
		d->envid = span_of(a->envid);
	d->notify = a->notify;
	d->size_bytes = (int64_t)m->text.n;
	d->crc = crc32_add(0, m->text.p, m->text.n);
	for (; d->n_to < m->n_to; d->n_to++)
		d->to[d->n_to] = span_of(m->to[d->n_to]);
	buf_init(&head, DROP_HEAD_MAX);
	int rc = drop_format(d, &head, e);
	if (rc == 0)
		rc = run_drop(o->maildrop, m->id, buf_span(&head),
			      buf_span(&m->text), e);
	if (rc != 0)
		(void)err_prefix(e, "%s", o->maildrop);
	buf_free(&head);
	free(d);
	return rc == 0 ? SENDMAIL_OK : SENDMAIL_TEMPFAIL;
}
