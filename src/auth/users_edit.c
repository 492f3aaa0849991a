#include "auth/users_edit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "auth/users.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/durable.h"
#include "base/option.h"

enum {
	LOCK_WAIT_MS = 10000,
	LOCK_STEP_MS = 20,
	USERS_MODE = 0600, /* of a new file: it holds secrets */
};

struct users_edit {
	char *path;
	int lock;
	mode_t mode;
	struct buf text;
	struct users_table *table; /* of `text` */
	struct arena arena;
};

static int
take_lock(int fd, const char *path, struct err *e)
{
	const struct timespec step = { .tv_nsec = LOCK_STEP_MS * 1000000L };
	int64_t until = clock_mono_ms() + LOCK_WAIT_MS;

	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_set(e, ERR_TEMP, errno, "cannot lock %s",
				       path);
		if (clock_mono_ms() >= until)
			return err_set(e, ERR_TEMP, 0,
				       "%s is locked by another program", path);
		(void)nanosleep(&step, NULL);
	}
	return 0;
}

/* What root makes today, the owner of the users file locks tomorrow.  -1 with
 * errno. */
static int
make_lock(const char *path, uid_t owner, gid_t group)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		      0600);

	if (fd >= 0 && geteuid() == 0)
		(void)!fchown(fd, owner, group);
	return fd;
}

/*
 * One that is there.  Whoever may write to the directory can have given this
 * name to any file, by a link or a rename: nothing of it is changed, and what
 * nobody of those made who edit is no lock.
 */
static int
open_made(const char *path, uid_t owner, struct err *e)
{
	struct stat st;

	int fd =
	    open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, ERR_TEMP, errno, "cannot open %s", path);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 &&
	    (st.st_uid == 0 || st.st_uid == geteuid() || st.st_uid == owner))
		return fd;
	(void)close(fd);
	return err_set(e, ERR_PERM, 0,
		       "%s is not our lock: it is no file, has another name, or"
		       " belongs to somebody else; remove it",
		       path);
}

/* Open and lock "<path>.lock".  The file stays: to remove it would let two
 * editors lock two files of that name. */
static int
open_lock(struct users_edit *x, struct err *e)
{
	uid_t owner = geteuid();
	gid_t group = getegid();
	char *path = NULL;
	struct stat st;

	if (asprintf(&path, "%s.lock", x->path) < 0)
		return err_set(e, ERR_TEMP, ENOMEM, "users");
	if (stat(x->path, &st) == 0) {
		owner = st.st_uid;
		group = st.st_gid;
	}
	x->lock = make_lock(path, owner, group);
	int rc = 0;
	if (x->lock < 0 && errno == EEXIST)
		x->lock = open_made(path, owner, e);
	else if (x->lock < 0)
		rc = err_set(e, ERR_TEMP, errno, "cannot make %s", path);
	if (rc == 0)
		rc = x->lock < 0 ? -1 : take_lock(x->lock, path, e);
	free(path);
	return rc;
}

/* Where the file really is: a rename must not replace a link to it. */
static char *
resolve(const char *path, bool create)
{
	char *real = realpath(path, NULL);

	if (real == NULL && errno == ENOENT && create)
		real = strdup(path);
	return real;
}

static int
read_text(struct users_edit *x, bool create, struct err *e)
{
	struct stat st;
	char *text = NULL;
	size_t n = 0;

	x->mode = stat(x->path, &st) == 0 ? st.st_mode & 0777 : USERS_MODE;
	int rc =
	    durable_read_file(AT_FDCWD, x->path, USERS_FILE_MAX, &text, &n, e);
	if (rc != 0 && create && e->sys == ENOENT)
		return 0;
	if (rc == 0 && buf_add(&x->text, text, n) != 0)
		rc = err_set(e, ERR_TEMP, errno, "%s", x->path);
	if (text != NULL)
		explicit_bzero(text, n);
	free(text);
	return rc;
}

int
users_edit_open(struct users_edit **out, const char *path, bool create,
		struct err *e)
{
	struct users_edit *x = calloc(1, sizeof(*x));
	struct err own;

	*out = NULL;
	if (e == NULL)
		e = &own;
	if (x == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "users");
	x->lock = -1;
	buf_init(&x->text, USERS_FILE_MAX);
	arena_init(&x->arena, 64 * 1024);
	x->path = resolve(path, create);
	int rc = x->path == NULL
		     ? err_set(e, ERR_TEMP, errno, "cannot open %s", path)
		     : open_lock(x, e);
	if (rc == 0)
		rc = read_text(x, create, e);
	if (rc == 0)
		rc = users_table_parse(&x->table, buf_span(&x->text), x->path,
				       e);
	if (rc != 0) {
		users_edit_close(&x);
		return -1;
	}
	*out = x;
	return 0;
}

void
users_edit_close(struct users_edit **xp)
{
	struct users_edit *x = *xp;

	*xp = NULL;
	if (x == NULL)
		return;
	users_table_release(&x->table);
	arena_reset(&x->arena);
	buf_free(&x->text);
	if (x->lock >= 0)
		(void)close(x->lock);
	free(x->path);
	free(x);
}

const struct users_table *
users_edit_table(const struct users_edit *x)
{
	return x->table;
}

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_TEMP, errno, "users");
}

/* Take `text` for the new content when it is right; it is emptied. */
static int
adopt(struct users_edit *x, struct buf *text, struct err *e)
{
	struct users_table *table;

	if (users_table_parse(&table, buf_span(text), x->path, e) != 0)
		return -1;
	users_table_release(&x->table);
	x->table = table;
	struct buf old = x->text;
	x->text = *text;
	buf_init(text, USERS_FILE_MAX);
	buf_free(&old);
	return 0;
}

static int
add_attribute(struct buf *out, const char *name, const char *value)
{
	if (buf_addf(out, "  %s=", name) != 0)
		return -1;
	return users_line_add_word(out, span_of(value));
}

static int
add_credentials(struct buf *out, const char *const *credentials, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (buf_add_str(out, "  ") != 0 ||
		    users_line_add_word(out, span_of(credentials[i])) != 0)
			return -1;
	}
	return 0;
}

static int
write_user(struct buf *out, const char *address, const struct users_new *user)
{
	if (out->n > 0 && out->p[out->n - 1] != '\n' &&
	    buf_add_char(out, '\n') != 0)
		return -1;
	if (users_line_add_word(out, span_of(address)) != 0)
		return -1;
	if (add_credentials(out, user->credentials, user->n_credentials) != 0)
		return -1;
	if (user->quota != NULL &&
	    add_attribute(out, "quota", user->quota) != 0)
		return -1;
	for (size_t i = 0; i < user->n_aliases; i++) {
		if (add_attribute(out, "alias", user->aliases[i]) != 0)
			return -1;
	}
	return buf_add_char(out, '\n');
}

/* -1 when `name` is a user or an alias already. */
static int
check_free(const struct users_edit *x, const char *name, struct err *e)
{
	const struct users_entry *other = users_table_find(x->table, name);

	if (other == NULL)
		return 0;
	if (strcmp(other->address, name) == 0)
		return err_set(e, ERR_PERM, 0, "there is a user %s already",
			       name);
	return err_set(e, ERR_PERM, 0, "%s is an alias of %s already", name,
		       other->address);
}

int
users_edit_add(struct users_edit *x, const struct users_new *user,
	       struct err *e)
{
	struct buf text;
	int64_t quota;

	const char *address =
	    users_line_address(span_of(user->address), &x->arena, e);
	if (address == NULL || check_free(x, address, e) != 0)
		return -1;
	if (user->quota != NULL &&
	    option_parse_size(span_of(user->quota), &quota) != 0)
		return err_set(e, ERR_PERM, 0,
			       "quota '%s' is not a size, such as 100M or 2G",
			       user->quota);
	for (size_t i = 0; i < user->n_aliases; i++) {
		const char *alias =
		    users_line_address(span_of(user->aliases[i]), &x->arena, e);
		if (alias == NULL || check_free(x, alias, e) != 0)
			return err_prefix(e, "alias");
	}
	buf_init(&text, USERS_FILE_MAX);
	int rc = -1;
	if (buf_add_span(&text, buf_span(&x->text)) != 0 ||
	    write_user(&text, address, user) != 0)
		(void)no_memory(e);
	else
		rc = adopt(x, &text, e);
	buf_free(&text);
	return rc;
}

static const struct users_entry *
find_user(struct users_edit *x, const char *name, struct err *e)
{
	const char *address = users_line_address(span_of(name), &x->arena, e);

	if (address == NULL)
		return NULL;
	const struct users_entry *entry = users_table_find(x->table, address);
	if (entry == NULL) {
		(void)err_set(e, ERR_PERM, 0, "there is no user %s", address);
		if (e != NULL)
			e->sys = ENOENT;
		return NULL;
	}
	if (strcmp(entry->address, address) != 0) {
		(void)err_set(e, ERR_PERM, 0,
			      "%s is an alias: name the user, %s", address,
			      entry->address);
		return NULL;
	}
	return entry;
}

/* Cut the text into what is before a line, the line with its end, the rest. */
static void
split_at(struct span text, unsigned line, struct span *before,
	 struct span *found, struct span *after)
{
	size_t at = 0, end = 0;

	for (unsigned i = 0; i < line; i++) {
		long lf = span_find(text, '\n', end);
		at = end;
		end = lf < 0 ? text.n : (size_t)lf + 1;
	}
	*before = span_head(text, at);
	*found = span_make(text.p + at, end - at);
	*after = span_skip(text, end);
}

/* The line with its credentials replaced, all else as it was. */
static int
write_changed(struct buf *out, struct span line, const char *const *credentials,
	      size_t n)
{
	struct span rest = line;
	bool written = false;

	for (bool first = true;; first = false) {
		size_t from = line.n - rest.n;
		struct span word = span_word(&rest);
		size_t to = line.n - rest.n;
		if (word.n == 0 || word.p[0] == '\r' || word.p[0] == '\n')
			return buf_add_span(out, span_skip(line, from));
		if (!first && users_line_is_credential(word))
			continue; /* with the blanks before it */
		if (buf_add(out, line.p + from, to - from) != 0)
			return -1;
		if (written)
			continue;
		written = true;
		if (add_credentials(out, credentials, n) != 0)
			return -1;
	}
}

/* The user's line with these credentials in place of those it has, or, without
 * any, no line any more. */
static int
change_user(struct users_edit *x, const char *address,
	    const char *const *credentials, size_t n, struct err *e)
{
	struct span before, line, after;
	struct buf text;
	int rc = -1;

	const struct users_entry *entry = find_user(x, address, e);
	if (entry == NULL)
		return -1;
	split_at(buf_span(&x->text), entry->line, &before, &line, &after);
	size_t end = line.n;
	while (end > 0 && (line.p[end - 1] == '\n' || line.p[end - 1] == '\r'))
		end--;
	buf_init(&text, USERS_FILE_MAX);
	if (buf_add_span(&text, before) != 0 ||
	    (n > 0 &&
	     (write_changed(&text, span_head(line, end), credentials, n) != 0 ||
	      buf_add_span(&text, span_skip(line, end)) != 0)) ||
	    buf_add_span(&text, after) != 0)
		(void)no_memory(e);
	else
		rc = adopt(x, &text, e);
	buf_free(&text);
	return rc;
}

int
users_edit_set_credentials(struct users_edit *x, const char *address,
			   const char *const *credentials, size_t n,
			   struct err *e)
{
	return change_user(x, address, credentials, n, e);
}

int
users_edit_remove(struct users_edit *x, const char *address, struct err *e)
{
	return change_user(x, address, NULL, 0, e);
}

int
users_edit_save(struct users_edit *x, struct err *e)
{
	return durable_replace_path(x->path, buf_span(&x->text), x->mode, e);
}
