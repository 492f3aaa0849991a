#include "store/volume.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/durable.h"
#include "base/rand.h"
#include "base/span.h"
#include "store/directory.h"

#define CLAIM_FILE "volume"

enum { FORMAT = 1, TEXT_MAX = 4096 };

static const char head[] =
    "# Made by postpair.  Leave it here: without it the receiver takes this\n"
    "# directory for one on which the volume with the mail is not mounted.\n";

/* ---- the text -------------------------------------------------------------
 */

/* The value of "name = value" in a line; false: another line. */
static bool
take_value(struct span line, const char *name, struct span *value)
{
	size_t n = strlen(name);

	if (line.n <= n || memcmp(line.p, name, n) != 0)
		return false;
	struct span rest = span_trim(span_skip(line, n));
	if (rest.n == 0 || rest.p[0] != '=')
		return false;
	*value = span_trim(span_skip(rest, 1));
	return true;
}

static int
parse(struct span text, struct volume *v, struct err *e)
{
	uint64_t format = 0;

	*v = (struct volume){ .uuid = "" };
	while (text.n > 0) {
		long end = span_find(text, '\n', 0);
		size_t n = end < 0 ? text.n : (size_t)end;
		struct span line = span_head(text, n), value;
		text = span_skip(text, end < 0 ? n : n + 1);
		if (take_value(line, "format", &value) &&
		    span_u64(value, &format) != 0)
			format = 0;
		if (take_value(line, "uuid", &value) &&
		    span_copy(value, v->uuid, sizeof(v->uuid)) != 0)
			v->uuid[0] = '\0';
	}
	if (format > FORMAT)
		return err_set(e, ERR_PERM, 0,
			       "made by a newer version (format %llu)",
			       (unsigned long long)format);
	if (format != FORMAT || strlen(v->uuid) != VOLUME_UUID_SIZE - 1)
		return err_set(e, ERR_LIMIT, 0, "not a volume's");
	return 0;
}

/* 1; 0: there is none; -1: it cannot be read; LIMIT or EISDIR: it is damaged.
 */
static int
read_named(int dirfd, const char *name, struct volume *v, struct err *e)
{
	struct err why = { 0 };
	char *text = NULL;
	size_t n = 0;

	if (durable_read_file(dirfd, name, TEXT_MAX, &text, &n, &why) != 0) {
		if (why.sys == ENOENT)
			return 0;
		*e = why;
		return -1;
	}
	int rc = parse(span_make(text, n), v, e);
	free(text);
	return rc == 0 ? 1 : -1;
}

static bool
is_damaged(const struct err *e)
{
	return e->class == ERR_LIMIT || e->sys == EISDIR;
}

static int
write_named(int dirfd, const char *name, const struct volume *v, struct err *e)
{
	struct buf text;

	buf_init(&text, TEXT_MAX);
	int rc = buf_addf(&text, "%sformat = %d\nuuid = %s\n", head, FORMAT,
			  v->uuid);
	if (rc != 0)
		(void)err_set(e, ERR_TEMP, errno, "%s", name);
	else
		rc = durable_replace(dirfd, name, buf_span(&text), 0644, e);
	buf_free(&text);
	return rc;
}

/* ---- the marker -----------------------------------------------------------
 */

int
volume_read(int dirfd, const char *path, struct volume *v, struct err *e)
{
	struct err why = { 0 };

	int there = read_named(dirfd, VOLUME_FILE, v, &why);
	if (there >= 0)
		return there;
	if (is_damaged(&why))
		return err_set(e, ERR_PERM, 0,
			       "%s/" VOLUME_FILE " is damaged.  If the "
			       "mailboxes are there, move it away, then: "
			       "postpair-admin store init %s",
			       path, path);
	*e = why;
	return err_prefix(e, "%s/" VOLUME_FILE, path);
}

/* RFC 9562 5.4 */
static void
new_uuid(char uuid[VOLUME_UUID_SIZE])
{
	unsigned char b[16];
	size_t at = 0;

	rand_bytes(b, sizeof(b));
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	for (size_t i = 0; i < sizeof(b); i++) {
		bool dash = i == 4 || i == 6 || i == 8 || i == 10;
		at += (size_t)snprintf(uuid + at, VOLUME_UUID_SIZE - at,
				       "%s%02x", dash ? "-" : "", b[i]);
	}
}

int
volume_make(int dirfd, const char *path, struct volume *v, struct err *e)
{
	int there = volume_read(dirfd, path, v, e);

	if (there != 0)
		return there < 0 ? -1 : 0;
	new_uuid(v->uuid);
	return write_named(dirfd, VOLUME_FILE, v, e) == 0
		   ? 0
		   : err_prefix(e, "%s", path);
}

static int
see_name(void *ctx, const char *name, struct err *e)
{
	const int *dirfd = ctx;
	struct stat st;

	if (strcmp(name, "lost+found") == 0)
		return 0;
	if (fstatat(*dirfd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT
			   ? 0
			   : err_set(e, ERR_TEMP, errno, "%s", name);
	/* no error but a sign, for volume_is_bare */
	return S_ISDIR(st.st_mode) ? err_set(e, ERR_TEMP, ENOTEMPTY, "%s", name)
				   : 0;
}

int
volume_is_bare(int dirfd, struct err *e)
{
	struct err why = { 0 };

	if (directory_scan(dirfd, see_name, &dirfd, &why) == 0)
		return 1;
	if (why.sys == ENOTEMPTY)
		return 0;
	*e = why;
	return -1;
}

/* ---- the data directory ---------------------------------------------------
 */

int
volume_claim(int dirfd, const char *path, const struct volume *v, struct err *e)
{
	struct volume old;
	struct err why = { 0 };

	int there = read_named(dirfd, CLAIM_FILE, &old, &why);
	if (there < 0 && is_damaged(&why))
		return err_set(e, ERR_PERM, 0,
			       "%s/" CLAIM_FILE " is damaged.  If the volume "
			       "with the mailboxes is mounted, move that file "
			       "away and start again",
			       path);
	if (there < 0) {
		*e = why;
		return err_prefix(e, "%s/" CLAIM_FILE, path);
	}
	if (there == 0)
		return write_named(dirfd, CLAIM_FILE, v, e) == 0
			   ? 0
			   : err_prefix(e, "%s", path);
	if (strcmp(old.uuid, v->uuid) != 0)
		return err_set(e, ERR_PERM, 0,
			       "the data directory is that of volume %s, and "
			       "the Maildirs are on volume %s: is another one "
			       "mounted?  If not, move the file %s/" CLAIM_FILE
			       " away and start again",
			       old.uuid, v->uuid, path);
	return 0;
}

int
volume_is_claimed(int dirfd, struct err *e)
{
	/* "journal": a version that knew no volumes */
	static const char *const signs[] = { CLAIM_FILE, "journal" };
	struct stat st;

	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		if (fstatat(dirfd, signs[i], &st, AT_SYMLINK_NOFOLLOW) == 0)
			return 1;
		if (errno != ENOENT)
			return err_set(e, ERR_TEMP, errno, "%s", signs[i]);
	}
	return 0;
}
