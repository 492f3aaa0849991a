#include "tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/durable.h"

static void
remove_tree(int dirfd, const char *name, int depth)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (d != NULL)
		(void)fchmod(fd, 0700);
	for (struct dirent *at; d != NULL && (at = readdir(d)) != NULL;) {
		if (strcmp(at->d_name, ".") == 0 ||
		    strcmp(at->d_name, "..") == 0)
			continue;
		if (unlinkat(fd, at->d_name, 0) != 0 && depth > 0)
			remove_tree(fd, at->d_name, depth - 1);
	}
	if (d != NULL)
		(void)closedir(d);
	(void)unlinkat(dirfd, name, AT_REMOVEDIR);
}

int
tree_setup(void **state)
{
	struct tree *t = calloc(1, sizeof(*t));
	struct err e;

	assert_non_null(t);
	const char *tmp = getenv("TMPDIR");
	(void)snprintf(t->path, sizeof(t->path), "%s/store-XXXXXX",
		       tmp == NULL ? "/tmp" : tmp);
	assert_non_null(mkdtemp(t->path));
	if (maildir_tree_open(&t->t, t->path, "mx.test", true, &e) != 0)
		fail_msg("%s", e.msg);
	*state = t;
	return 0;
}

int
tree_teardown(void **state)
{
	struct tree *t = *state;

	maildir_tree_free(&t->t);
	remove_tree(AT_FDCWD, t->path, 5);
	free(t);
	return 0;
}

static void
path_of(const struct tree *t, const char *mailbox, const char *folder,
	const char *name, char path[1024])
{
	const char *at = strchr(mailbox, '@');

	assert_non_null(at);
	(void)snprintf(path, 1024, "%s/%s/%.*s/%s%s%s", t->path, at + 1,
		       (int)(at - mailbox), mailbox, folder,
		       name == NULL ? "" : "/", name == NULL ? "" : name);
}

static int
scan(const struct tree *t, const char *mailbox, const char *folder,
     char name[256])
{
	char path[1024];
	int n = 0;

	path_of(t, mailbox, folder, NULL, path);
	DIR *d = opendir(path);
	for (struct dirent *at; d != NULL && (at = readdir(d)) != NULL;) {
		if (at->d_name[0] == '.')
			continue;
		if (name != NULL)
			(void)snprintf(name, 256, "%s", at->d_name);
		n++;
	}
	if (d != NULL)
		(void)closedir(d);
	return n;
}

int
tree_count(const struct tree *t, const char *mailbox, const char *folder)
{
	return scan(t, mailbox, folder, NULL);
}

void
tree_name(const struct tree *t, const char *mailbox, const char *folder,
	  char name[256])
{
	assert_int_equal(scan(t, mailbox, folder, name), 1);
}

void
tree_put(const struct tree *t, const char *mailbox, const char *folder,
	 const char *name, const char *bytes)
{
	struct maildir m = MAILDIR_CLOSED;
	char path[1024];
	struct err e;

	if (maildir_open(t->t, mailbox, true, &m, &e) != 0)
		fail_msg("%s", e.msg);
	maildir_close(&m);
	path_of(t, mailbox, folder, name, path);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(durable_write(fd, bytes, strlen(bytes), &e), 0);
	assert_int_equal(close(fd), 0);
}

char *
tree_get(const struct tree *t, const char *mailbox, const char *folder,
	 const char *name)
{
	char path[1024];
	char *text = NULL;
	size_t n;
	struct err e;

	path_of(t, mailbox, folder, name, path);
	if (durable_read_file(AT_FDCWD, path, 1 << 20, &text, &n, &e) != 0)
		fail_msg("%s", e.msg);
	return text;
}

int
tree_deliver(const struct tree *t, const char *text,
	     const char *const *mailboxes, struct err *e)
{
	struct delivery *d = NULL;
	size_t n = 0;

	while (mailboxes[n] != NULL)
		n++;
	int rc = delivery_begin(&d, t->t, mailboxes[0], e);
	if (rc == 0)
		rc = delivery_write(d, span_of(text), e);
	if (rc == 0)
		rc = delivery_commit(d, mailboxes, n, e);
	delivery_free(&d);
	return rc;
}
