/*
 * postpair-drop - the only program that writes into the maildrop directory.
 *
 *   postpair-drop DIRECTORY BYTES NAME <file (called by postpair-sendmail)
 *
 * The directory has mode 0730 and a group of its own, and this program is
 * set-group-id of that group.  So a file there was made here, by the user whom
 * the kernel notes as its owner, and the owner is the proof of who sends.  A
 * directory in which everybody may write proves nothing: rename(2) keeps the
 * owner, and moves what another, root for one, has copied into a directory of
 * the mover; a rule about the file's group does not help, as files in a
 * directory with the set-group-id bit inherit it.
 *
 * It has a group's rights and whoever likes calls it, so: nothing is read but
 * standard input and the arguments, the environment is dropped, no library but
 * the C library's is linked, a name is 32 hexadecimal digits and nobody's yet,
 * and the directory is looked at by its descriptor before anything is made
 * there.  What the file says is postpair-sender's to judge.
 *
 * The name is the id of the hand-over, which the server may have been told over
 * its socket before: what it has, it does not take again.  Of another's message
 * nobody knows it, and it counts for its owner alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* As in sysexits(3). */
enum { OK = 0, USAGE = 64, TEMPFAIL = 75, NOPERM = 77 };

enum {
	NAME_SIZE = 33, /* 128 bits in hexadecimal */
	TMP_SIZE = NAME_SIZE + 4,
	DIGITS_MAX = 15,
	PIECE = 32 * 1024,
};

struct drop_file {
	int dir, fd;
	char name[NAME_SIZE], tmp[TMP_SIZE];
};

static int __attribute__((format(printf, 2, 3)))
drop_fail(int status, const char *fmt, ...)
{
	va_list ap;

	(void)fputs("postpair-drop: ", stderr);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
	return status;
}

static const char *
why(void)
{
	const char *name = strerrorname_np(errno);

	return name != NULL ? name : "failed";
}

/* Descriptors 0 to 2 are there, or a file of ours would be one of them. */
static int
open_standard(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0)
		return -1;
	(void)close(fd);
	return 0;
}

static int
parse_bytes(const char *text, long long *bytes)
{
	size_t n = strlen(text);

	*bytes = 0;
	if (n == 0 || n > DIGITS_MAX || strspn(text, "0123456789") != n)
		return -1;
	for (size_t i = 0; i < n; i++)
		*bytes = *bytes * 10 + (text[i] - '0');
	return 0;
}

/*
 * Is it a maildrop?  Nobody but its owner and this program's group may make
 * anything there, so that the group we have is what counts; or it is the
 * caller's own, for a server that runs as the same user.  Root may anyway.
 */
static int
open_maildrop(const char *path, int *dir)
{
	struct stat st;

	*dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*dir < 0 || fstat(*dir, &st) != 0)
		return drop_fail(TEMPFAIL, "%s: %s", path, why());
	mode_t mode = st.st_mode & 07777;
	if (mode != 0730 && mode != 0700)
		return drop_fail(TEMPFAIL, "%s: its mode is %04o, not 0730",
				 path, (unsigned)mode);
	if (geteuid() == 0 || (mode == 0700 && st.st_uid == geteuid()) ||
	    (mode == 0730 && st.st_gid == getegid() && getgid() != getegid()))
		return OK;
	return drop_fail(TEMPFAIL,
			 "%s: this program is not of its group, %lu: it must"
			 " be installed with that group and mode 2755, and"
			 " cannot be used by services that run with"
			 " no_new_privs",
			 path, (unsigned long)st.st_gid);
}

static int
make_file(struct drop_file *f, const char *name)
{
	(void)snprintf(f->name, sizeof(f->name), "%s", name);
	(void)snprintf(f->tmp, sizeof(f->tmp), "tmp.%s", f->name);
	f->fd =
	    openat(f->dir, f->tmp,
		   O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return f->fd < 0 ? -1 : 0;
}

static int
write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t w = write(fd, p, n);
		if (w < 0 && errno != EINTR)
			return -1;
		p += w > 0 ? w : 0;
		n -= w > 0 ? (size_t)w : 0;
	}
	return 0;
}

/* So many bytes of standard input, not one less or more. */
static int
copy_input(int fd, long long bytes)
{
	static char piece[PIECE];
	ssize_t n;

	while ((n = read(STDIN_FILENO, piece, sizeof(piece))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		bytes -= n;
		errno = EMSGSIZE;
		if (bytes < 0 || write_all(fd, piece, (size_t)n) != 0)
			return -1;
	}
	errno = ENODATA;
	return bytes == 0 ? 0 : -1;
}

/*
 * It appears whole and synced, under a name that nobody has, or not at all.
 * Mode 0644: the server is another user, and nobody else comes through the
 * directory.  That one cannot be opened to be synced, so the file system is.
 */
static int
finish_file(const struct drop_file *f)
{
	if (fchmod(f->fd, 0644) != 0 || fsync(f->fd) != 0)
		return -1;
	int rc = renameat2(f->dir, f->tmp, f->dir, f->name, RENAME_NOREPLACE);
	/* a file system that cannot do so: who knows a name has made it */
	if (rc != 0 && errno == EINVAL)
		rc = renameat(f->dir, f->tmp, f->dir, f->name);
	if (rc != 0)
		return -1;
	if (syncfs(f->fd) == 0)
		return 0;
	int sys = errno;
	(void)unlinkat(f->dir, f->name, 0);
	errno = sys;
	return -1;
}

int
main(int argc, char **argv)
{
	struct drop_file f = { .dir = -1, .fd = -1 };
	long long bytes;

	if (clearenv() != 0 || open_standard() != 0)
		return TEMPFAIL;
	(void)umask(077);
	(void)signal(SIGXFSZ, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	if (argc != 4 || parse_bytes(argv[2], &bytes) != 0 ||
	    strspn(argv[3], "0123456789abcdef") != NAME_SIZE - 1 ||
	    argv[3][NAME_SIZE - 1] != '\0')
		return drop_fail(USAGE,
				 "usage: postpair-drop DIRECTORY BYTES"
				 " NAME <file (postpair-sendmail does so)");
	int status = open_maildrop(argv[1], &f.dir);
	if (status != OK)
		return status;
	if (make_file(&f, argv[3]) != 0)
		return drop_fail(TEMPFAIL, "%s: %s", argv[1], why());
	if (copy_input(f.fd, bytes) == 0 && finish_file(&f) == 0)
		return OK;
	status = drop_fail(TEMPFAIL, "%s: %s", argv[1], why());
	(void)unlinkat(f.dir, f.tmp, 0);
	return status;
}
