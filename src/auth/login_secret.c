#include "auth/login_secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/sasl_private.h"
#include "base/durable.h"
#include "base/rand.h"
#include "base/secret.h"

static const char head[] = "postpair-secret 1 ";

enum {
	FILE_MAX = 256,
	MODE = 0600,
	MODE_GROUP = 0640, /* root's, for a server in the group of the users
			      file */
};

void
login_secret_random(struct login_secret *s, unsigned iterations)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char bytes[LOGIN_SECRET_BYTES];

	rand_bytes(bytes, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++) {
		s->key[2 * i] = digits[bytes[i] >> 4];
		s->key[2 * i + 1] = digits[bytes[i] & 15];
	}
	s->key[LOGIN_SECRET_TEXT] = '\0';
	s->iterations = iterations;
	explicit_bzero(bytes, sizeof(bytes));
}

char *
login_secret_path(const char *users_file)
{
	char *real = realpath(users_file, NULL), *path = NULL;

	if (asprintf(&path, "%s.secret", real != NULL ? real : users_file) < 0)
		path = NULL;
	free(real);
	return path;
}

static char *
find_path(const char *users_file, struct err *e)
{
	char *path = login_secret_path(users_file);

	if (path == NULL)
		(void)err_set(e, ERR_TEMP, ENOMEM, "users secret");
	return path;
}

/* ---- reading --------------------------------------------------------------
 */

static bool
is_key(struct span text)
{
	if (text.n != LOGIN_SECRET_TEXT)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		if (!span_is_digit(text.p[i]) &&
		    (text.p[i] < 'a' || text.p[i] > 'f'))
			return false;
	}
	return true;
}

/* "postpair-secret 1 ITERATIONS KEY" and a line end. */
static int
parse(struct login_secret *s, struct span text)
{
	uint64_t count;

	if (text.n == 0 || text.p[text.n - 1] != '\n' ||
	    !span_eq(span_head(text, sizeof(head) - 1), span_of(head)))
		return -1;
	text = span_skip(span_head(text, text.n - 1), sizeof(head) - 1);
	struct span number = span_word(&text);
	struct span key = span_word(&text);
	if (span_u64(number, &count) != 0 || count < SCRAM_ITERATIONS_MIN ||
	    count > SCRAM_ITERATIONS_MAX || !is_key(key) || text.n > 0)
		return -1;
	s->iterations = (unsigned)count;
	return span_copy(key, s->key, sizeof(s->key));
}

int
login_secret_read(struct login_secret *s, const char *users_file, struct err *e)
{
	char *path = find_path(users_file, e), *text = NULL;
	size_t n = 0;

	if (path == NULL)
		return -1;
	struct err why = { 0 };
	int rc = durable_read_file(AT_FDCWD, path, FILE_MAX, &text, &n, &why);
	bool damaged =
	    rc != 0 ? why.class == ERR_LIMIT || why.sys == EISDIR : false;
	if (rc == 0)
		rc = secret_check(path, &why);
	if (rc == 0 && parse(s, span_make(text, n)) != 0) {
		damaged = true;
		rc = -1;
	}
	if (damaged)
		(void)err_set(e, ERR_PERM, 0,
			      "%s: not 'postpair-secret 1', a count and 64 "
			      "hexadecimal digits.  Restore it from a backup; "
			      "if there is none, move it away, then: "
			      "postpair-admin user secret --users %s",
			      path, users_file);
	else if (rc != 0 && e != NULL)
		*e = why;
	if (text != NULL)
		explicit_bzero(text, n);
	free(text);
	free(path);
	return rc;
}

/* ---- making ---------------------------------------------------------------
 */

/* Who is to read it, where root makes it: whoever reads the users file. */
struct reader {
	uid_t uid;
	gid_t gid;
	mode_t mode;
};

static struct reader
find_reader(const char *users_file)
{
	struct reader r = { geteuid(), getegid(), MODE };
	struct stat st;

	if (r.uid != 0 || stat(users_file, &st) != 0)
		return r;
	r.uid = st.st_uid;
	r.gid = st.st_gid;
	if (st.st_uid == 0 && st.st_gid != 0 && (st.st_mode & S_IRGRP) != 0)
		r.mode = MODE_GROUP;
	return r;
}

/* fd: a file that we have made. */
static int
give_away(int fd, const char *users_file, struct err *e)
{
	struct reader r = find_reader(users_file);

	if (geteuid() == 0 && fchown(fd, r.uid, r.gid) != 0)
		return err_set(e, ERR_TEMP, errno, "users secret");
	if (fchmod(fd, r.mode) != 0)
		return err_set(e, ERR_TEMP, errno, "users secret");
	return 0;
}

/*
 * The secret, to be written anew.  Whoever may write to the directory could
 * have given this name to a secret that he cannot read, by a link: so it is a
 * file with one name, of root, of ours, or of whoever reads the new one anyway.
 */
static int
read_to_replace(struct login_secret *s, struct stat *st, const char *users_file,
		struct err *e)
{
	char *path = find_path(users_file, e), text[FILE_MAX];
	ssize_t n = -1;

	if (path == NULL)
		return -1;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0 && fstat(fd, st) == 0 && S_ISREG(st->st_mode) &&
	    st->st_nlink == 1 &&
	    (st->st_uid == 0 || st->st_uid == geteuid() ||
	     st->st_uid == find_reader(users_file).uid))
		n = read(fd, text, sizeof(text));
	int rc = n >= 0 ? parse(s, span_make(text, (size_t)n)) : -1;
	if (rc != 0)
		(void)err_set(e, ERR_PERM, 0,
			      "%s is not replaced: it is a link, has another "
			      "name, belongs to somebody else, or is no secret",
			      path);
	if (fd >= 0)
		(void)close(fd);
	explicit_bzero(text, sizeof(text));
	free(path);
	return rc;
}

static int
write_new(int fd, const struct login_secret *s, const char *users_file,
	  struct err *e)
{
	char text[FILE_MAX];

	int n = snprintf(text, sizeof(text), "%s%u %s\n", head, s->iterations,
			 s->key);
	int rc = give_away(fd, users_file, e);
	if (rc == 0)
		rc = durable_write(fd, text, (size_t)n, e);
	if (rc == 0)
		rc = durable_sync(fd, e);
	explicit_bzero(text, sizeof(text));
	return rc;
}

/* The directory and the name in it. */
static int
open_directory(char *path, const char **name, struct err *e)
{
	char *slash = strrchr(path, '/');

	*name = slash == NULL ? path : slash + 1;
	if (slash == NULL)
		return durable_open_dir(AT_FDCWD, ".", 0, e);
	if (slash == path)
		return durable_open_dir(AT_FDCWD, "/", 0, e);
	*slash = '\0';
	return durable_open_dir(AT_FDCWD, path, 0, e);
}

/*
 * Written under another name first, so that nobody ever reads half of it, and
 * then linked, which fails where there is one; with `replace` renamed.
 */
static int
place(const char *users_file, const struct login_secret *s, bool replace,
      struct err *e)
{
	char *path = find_path(users_file, e), id[RAND_ID_SIZE], temporary[64];
	const char *name;
	int rc = -1, dir = -1, fd = -1;

	if (path == NULL)
		return -1;
	rand_id(id);
	(void)snprintf(temporary, sizeof(temporary), ".secret.%s", id);
	dir = open_directory(path, &name, e);
	if (dir >= 0)
		fd = durable_create(dir, temporary, e);
	if (fd < 0)
		goto out;
	rc = write_new(fd, s, users_file, e);
	if (rc == 0 && replace && renameat(dir, temporary, dir, name) != 0)
		rc = err_set(e, ERR_TEMP, errno, "%s", name);
	if (rc == 0 && !replace && linkat(dir, temporary, dir, name, 0) != 0 &&
	    errno != EEXIST)
		rc = err_set(e, ERR_TEMP, errno, "%s", name);
	if (rc != 0 || !replace)
		(void)unlinkat(dir, temporary, 0);
	if (rc == 0)
		rc = durable_sync(dir, e);
out:
	if (fd >= 0)
		(void)close(fd);
	if (dir >= 0)
		(void)close(dir);
	free(path);
	return rc == 0
		   ? 0
		   : err_prefix(e, "cannot make the secret of %s", users_file);
}

/*
 * The users file has got another group or owner since root made the secret: a
 * new file takes the place of root's.  It would not do to give away the file
 * that is there, which may have come to this name from anywhere.
 */
static void
give_away_again(const char *users_file)
{
	struct reader r = find_reader(users_file);
	struct login_secret s;
	struct stat st;

	if (geteuid() != 0)
		return;
	if (read_to_replace(&s, &st, users_file, NULL) == 0 && st.st_uid == 0 &&
	    (st.st_uid != r.uid || st.st_gid != r.gid ||
	     (st.st_mode & 07777) != r.mode))
		(void)place(users_file, &s, true, NULL);
	explicit_bzero(&s, sizeof(s));
}

int
login_secret_make(const char *users_file, unsigned iterations, struct err *e)
{
	struct login_secret s;
	struct err own = { 0 };

	if (login_secret_read(&s, users_file, &own) == 0 || own.sys != ENOENT) {
		explicit_bzero(&s, sizeof(s));
		if (own.msg[0] == '\0')
			give_away_again(users_file);
		return 0;
	}
	login_secret_random(&s, iterations);
	int rc = place(users_file, &s, false, e);
	explicit_bzero(&s, sizeof(s));
	return rc;
}

int
login_secret_set_iterations(const char *users_file, unsigned iterations,
			    struct err *e)
{
	struct login_secret s;
	struct stat st;

	if (login_secret_make(users_file, iterations, e) != 0 ||
	    login_secret_read(&s, users_file, e) != 0)
		return -1;
	int rc = 0;
	if (s.iterations != iterations) {
		rc = read_to_replace(&s, &st, users_file, e);
		s.iterations = iterations;
		if (rc == 0)
			rc = place(users_file, &s, true, e);
	}
	explicit_bzero(&s, sizeof(s));
	return rc;
}

/* ---- use ------------------------------------------------------------------
 */

/*
 * PBKDF2 of one round (RFC 8018 5.2) is HMAC of the salt and a 1 in four bytes
 * under the password: so GNU SASL, which shows no HMAC, computes one.  The key
 * is of hexadecimal digits, which no preparation (RFC 4013) changes.
 */
int
login_secret_derive(const struct login_secret *s, const char *use,
		    const char *name, unsigned char *out, size_t n,
		    struct err *e)
{
	char mac[GSASL_HASH_MAX_SIZE], unused[3][GSASL_HASH_MAX_SIZE];
	char text[512];

	int len = snprintf(text, sizeof(text), "%s:%s", use, name);
	if (len < 0 || (size_t)len >= sizeof(text) || n > LOGIN_SECRET_BYTES)
		return err_set(e, ERR_BUG, 0, "a name of %d bytes", len);
	int rc = gsasl_scram_secrets_from_password(
	    GSASL_HASH_SHA256, s->key, 1, text, (size_t)len, mac, unused[0],
	    unused[1], unused[2]);
	if (rc != GSASL_OK)
		return err_set(e, ERR_TEMP, 0, "HMAC: %s", gsasl_strerror(rc));
	memcpy(out, mac, n);
	explicit_bzero(mac, sizeof(mac));
	explicit_bzero(unused, sizeof(unused));
	return 0;
}

int
login_secret_salt(const struct login_secret *s, const char *name,
		  struct scram_key *key, struct err *e)
{
	char use[48];

	(void)snprintf(use, sizeof(use), "salt:%s:%u",
		       scram_key_scheme(key->hash), key->iterations);
	key->salt_n = SCRAM_SALT_SIZE;
	return login_secret_derive(s, use, name, key->salt, key->salt_n, e);
}
