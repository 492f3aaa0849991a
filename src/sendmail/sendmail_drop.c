#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc32.h"
#include "base/durable.h"
#include "base/rand.h"
#include "mail/drop.h"
#include "sendmail/sendmail.h"

/*
 * No server: the message is left in the maildrop directory, where everybody may
 * make files and only the server can list them.  The name is 128 random bits,
 * so that nobody else can open what is readable for the server's sake; the
 * file's owner, whom the kernel knows, is who sends it.  It appears there whole
 * and synced, or not at all.
 */
enum { NAME_SIZE = 33, TMP_SIZE = NAME_SIZE + 4 };

static void
make_names(char name[NAME_SIZE], char tmp[TMP_SIZE])
{
	unsigned char bytes[16];

	rand_bytes(bytes, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		(void)snprintf(name + 2 * i, 3, "%02x", bytes[i]);
	(void)snprintf(tmp, TMP_SIZE, "tmp.%s", name);
}

static int
write_file(int dir, const char *name, const char *tmp, struct span head,
	   struct span text, struct err *e)
{
	int fd = durable_create(dir, tmp, e);

	if (fd < 0)
		return -1;
	/* 0644 whatever the umask: the server is another user.  The directory
	 * cannot be opened to be synced, so the file system is. */
	int rc = durable_write(fd, head.p, head.n, e) != 0 ||
			 durable_write(fd, text.p, text.n, e) != 0 ||
			 durable_sync(fd, e) != 0
		     ? -1
		     : 0;
	if (rc == 0 && (fchmod(fd, 0644) != 0 ||
			renameat(dir, tmp, dir, name) != 0 || syncfs(fd) != 0))
		rc = err_set(e, ERR_TEMP, errno, "%s", name);
	if (rc != 0) {
		(void)unlinkat(dir, tmp, 0);
		(void)unlinkat(dir, name, 0);
	}
	(void)close(fd);
	return rc;
}

static int
drop_some(int dir, const struct sendmail_mail *m, const struct sendmail_args *a,
	  size_t first, size_t n, struct err *e)
{
	struct drop d = { .reverse_path = span_of(m->from),
			  .ret = a->ret,
			  .envid = a->envid != NULL ? span_of(a->envid)
						    : span_make(NULL, 0),
			  .notify = a->notify,
			  .n_to = (unsigned)n,
			  .size_bytes = (int64_t)m->text.n,
			  .crc = crc32_add(0, m->text.p, m->text.n) };
	char name[NAME_SIZE], tmp[TMP_SIZE];
	struct buf head;

	for (size_t i = 0; i < n; i++)
		d.to[i] = span_of(m->to[first + i]);
	buf_init(&head, DROP_HEAD_MAX);
	make_names(name, tmp);
	int rc = drop_format(&d, &head, e);
	if (rc == 0)
		rc = write_file(dir, name, tmp, buf_span(&head),
				buf_span(&m->text), e);
	buf_free(&head);
	return rc;
}

enum sendmail_status
sendmail_drop(const struct sendmail_mail *m, const struct sendmail_args *a,
	      const struct sendmail_options *o, size_t first, struct err *e)
{
	const size_t most = DROP_RECIPIENTS_MAX;
	size_t n;
	int rc = 0;

	int dir = open(o->maildrop, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0) {
		(void)err_set(e, ERR_TEMP, errno, "%s", o->maildrop);
		return SENDMAIL_TEMPFAIL;
	}
	for (size_t i = first; rc == 0 && i < m->n_to; i += n) {
		n = m->n_to - i < most ? m->n_to - i : most;
		rc = drop_some(dir, m, a, i, n, e);
	}
	(void)close(dir);
	if (rc != 0)
		(void)err_prefix(e, "%s", o->maildrop);
	return rc == 0 ? SENDMAIL_OK : SENDMAIL_TEMPFAIL;
}
