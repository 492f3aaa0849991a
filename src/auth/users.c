/*
 * The users file, watched.
 *
 * Every look-up asks stat(2) whether the file is still the one that was read
 * (device, inode, size, mtime and ctime in ns): a microsecond, and the user
 * whom `postpair-admin` has just added can log in at once.  Time stamps are as
 * coarse as the kernel's tick, though, and inode numbers come back: two changes
 * within one tick can look like none.  So a reading made less than RACY_US
 * after the file's last change is not trusted until it was read once more.
 *
 * The file is read under the lock.  Threads that come by meanwhile wait for the
 * new content, so none of them can act on the old one after the change was
 * acknowledged to the administrator.
 */
#include "auth/users.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/users_private.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/peer.h"
#include "base/rand.h"
#include "base/secret.h"
#include "base/thread.h"
#include "mail/address.h"

enum {
	RACY_US = 100000,
	HASHING_MAX = 16, /* and never more than processors */
};

struct identity {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime, ctime;
	int sys; /* errno value when there is no file */
};

struct users {
	char *path;
	pthread_mutex_t lock;      /* guards what follows */
	struct users_table *table; /* the last good content */
	struct identity seen;      /* of the last reading, good or bad */
	bool racy;
	char complaint[sizeof(((struct err *)0)->msg)]; /* logged last */
	struct login_secret secret;
	bool has_secret; /* it is a file's */

	struct turns *turns;        /* at hashes */
	struct siphash_key parties; /* for whose turn it is */
};

static struct identity
identify(const char *path)
{
	struct stat st;
	struct identity id;

	memset(&id, 0, sizeof(id));
	if (stat(path, &st) != 0) {
		id.sys = errno;
		return id;
	}
	id.dev = st.st_dev;
	id.ino = st.st_ino;
	id.size = st.st_size;
	id.mtime = st.st_mtim;
	id.ctime = st.st_ctim;
	return id;
}

static bool
same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool
same_file(const struct identity *a, const struct identity *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       a->sys == b->sys && same_time(&a->mtime, &b->mtime) &&
	       same_time(&a->ctime, &b->ctime);
}

static bool
just_changed(const struct identity *id)
{
	int64_t changed =
	    (int64_t)id->ctime.tv_sec * 1000000 + id->ctime.tv_nsec / 1000;
	int64_t age = clock_wall_us() - changed;

	return id->sys == 0 && age > -RACY_US && age < RACY_US;
}

/* Read the file anew; called with the lock.  On -1 the old content stays. */
static int
read_again(struct users *u, struct err *e)
{
	struct users_table *fresh = NULL;

	/* Identity first: a change during the read makes the next look differ.
	 */
	u->seen = identify(u->path);
	u->racy = just_changed(&u->seen);
	if (users_table_read(&fresh, u->path, e) != 0)
		return -1;
	/* Emptied, or caught while it is written: nobody means that mail for
	 * everybody be refused for good. */
	if (u->table != NULL && users_table_size(u->table) > 0 &&
	    users_table_size(fresh) == 0) {
		users_table_release(&fresh);
		return err_set(e, ERR_PERM, 0, "%s: no user is left in it",
			       u->path);
	}
	users_table_release(&u->table);
	u->table = fresh;
	return 0;
}

/* Say it once for each change, not once for each look-up. */
static void
log_reading(struct users *u, int rc, const struct err *e)
{
	struct err loose = { 0 };
	struct log_line l;

	if (rc == 0) {
		u->complaint[0] = '\0';
		log_begin(&l, LOG_INFO, "users-read");
		log_str(&l, "file", u->path);
		log_num(&l, "users", (int64_t)users_table_size(u->table));
		log_end(&l);
		/* Users go on; the next start will not do it. */
		if (secret_check(u->path, &loose) != 0)
			log_failure(LOG_WARN, "users-open-to-others", NULL,
				    NULL, &loose);
		return;
	}
	if (strcmp(u->complaint, e->msg) == 0)
		return;
	memcpy(u->complaint, e->msg, sizeof(u->complaint));
	log_begin(&l, LOG_ERROR, "users-kept");
	log_str(&l, "file", u->path);
	log_err(&l, e);
	log_end(&l);
}

struct users_table *
users_take(struct users *u)
{
	/* A look at the file for everybody, but not one after the other: one
	 * that was overtaken by a change reads it once more than needed. */
	struct identity now = identify(u->path);
	(void)pthread_mutex_lock(&u->lock);
	bool changed = !same_file(&now, &u->seen);
	if (changed || u->racy) {
		struct err e = { 0 };
		int rc = read_again(u, &e);
		if (changed || rc != 0)
			log_reading(u, rc, &e);
	}
	struct users_table *t = users_table_hold(u->table);
	(void)pthread_mutex_unlock(&u->lock);
	return t;
}

int
users_open(struct users **out, const char *path, struct err *e)
{
	struct users *u = calloc(1, sizeof(*u));

	*out = NULL;
	if (u == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "users");
	mutex_init_short(&u->lock);
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned at_once = processors < 1             ? 1
			   : processors > HASHING_MAX ? HASHING_MAX
						      : (unsigned)processors;
	if (turns_new(&u->turns, at_once, e) != 0) {
		users_free(&u);
		return -1;
	}
	rand_bytes(&u->parties, sizeof(u->parties));
	login_secret_random(&u->secret, SCRAM_ITERATIONS);
	u->path = strdup(path);
	if (u->path == NULL) {
		users_free(&u);
		return err_set(e, ERR_TEMP, ENOMEM, "users");
	}
	if (read_again(u, e) != 0 || secret_check(path, e) != 0) {
		users_free(&u);
		return -1;
	}
	if (users_table_size(u->table) == 0) {
		struct log_line l;
		log_begin(&l, LOG_ERROR, "users-none");
		log_str(&l, "file", path);
		log_end(&l);
	}
	*out = u;
	return 0;
}

void
users_free(struct users **up)
{
	struct users *u = *up;

	*up = NULL;
	if (u == NULL)
		return;
	users_table_release(&u->table);
	turns_free(&u->turns);
	(void)pthread_mutex_destroy(&u->lock);
	explicit_bzero(&u->secret, sizeof(u->secret));
	free(u->path);
	free(u);
}

/* ---- the secret -----------------------------------------------------------
 */

/* A link that leads to another file now has another secret beside it. */
static int
read_secret(struct users *u, struct login_secret *s, struct err *e)
{
	if (login_secret_make(u->path, SCRAM_ITERATIONS, e) != 0)
		return -1;
	return login_secret_read(s, u->path, e);
}

int
users_use_secret(struct users *u, struct err *e)
{
	struct login_secret fresh;

	if (read_secret(u, &fresh, e) != 0)
		return -1;
	(void)pthread_mutex_lock(&u->lock);
	u->secret = fresh;
	u->has_secret = true;
	(void)pthread_mutex_unlock(&u->lock);
	explicit_bzero(&fresh, sizeof(fresh));
	return 0;
}

int
users_derive(struct users *u, const char *use, void *out, size_t n,
	     struct err *e)
{
	struct login_secret secret;

	users_secret(u, &secret);
	int rc = login_secret_derive(&secret, use, "", out, n, e);
	explicit_bzero(&secret, sizeof(secret));
	return rc;
}

/* So that one count is the rule: whoever has another can be told from those who
 * do not exist. */
static void
log_odd_keys(const struct users_table *t, unsigned iterations)
{
	enum { NAMED = 20 };
	struct log_line l;
	int64_t n = 0;

	for (size_t i = 0; i < users_table_size(t); i++) {
		const struct users_entry *entry = users_table_at(t, i);
		const struct scram_key *key =
		    users_line_odd_key(entry, iterations);
		if (key == NULL || ++n > NAMED)
			continue;
		log_begin(&l, LOG_WARN, "scram-key-differs");
		log_str(&l, "login", entry->address);
		log_num(&l, "iterations", key->iterations);
		log_num(&l, "rule", iterations);
		log_num(&l, "salt-bytes", (int64_t)key->salt_n);
		log_end(&l);
	}
	if (n <= NAMED)
		return;
	log_begin(&l, LOG_WARN, "scram-keys-differ");
	log_num(&l, "users", n);
	log_end(&l);
}

/* What the table makes up for is bounded (users_table.h). */
static void
log_settings(const struct users_table *t)
{
	struct log_line l;

	if (users_table_settings(t) <= USERS_SETTINGS_MAX)
		return;
	log_begin(&l, LOG_WARN, "crypt-settings");
	log_num(&l, "settings", (int64_t)users_table_settings(t));
	log_num(&l, "alike", USERS_SETTINGS_MAX);
	log_end(&l);
}

int
users_check(const char *path, struct err *e)
{
	struct login_secret s = { .iterations = SCRAM_ITERATIONS };
	struct users_table *t = NULL;
	struct err own = { 0 };

	if (users_table_read(&t, path, e) != 0)
		return -1;
	if (secret_check(path, e) != 0) {
		users_table_release(&t);
		return -1;
	}
	log_settings(t);
	int rc = login_secret_read(&s, path, &own);
	if (rc == 0 || own.sys == ENOENT)
		log_odd_keys(t, s.iterations);
	else if (e != NULL)
		*e = own;
	explicit_bzero(s.key, sizeof(s.key));
	users_table_release(&t);
	return rc == 0 || own.sys == ENOENT ? 0 : -1;
}

void
users_secret(struct users *u, struct login_secret *s)
{
	(void)pthread_mutex_lock(&u->lock);
	*s = u->secret;
	(void)pthread_mutex_unlock(&u->lock);
}

int
users_reload(struct users *u, struct err *e)
{
	if (u->has_secret && users_use_secret(u, e) != 0)
		return -1;
	(void)pthread_mutex_lock(&u->lock);
	int rc = read_again(u, e);
	if (rc == 0)
		log_reading(u, rc, e);
	(void)pthread_mutex_unlock(&u->lock);
	return rc;
}

void
users_copy(const struct users_entry *entry, struct user *user)
{
	memset(user, 0, sizeof(*user));
	(void)span_copy(span_of(entry->address), user->address,
			sizeof(user->address));
	user->quota_bytes = entry->quota_bytes;
	user->disabled = entry->disabled;
}

int
users_find(struct users *u, const char *address, struct user *user,
	   struct err *e)
{
	struct users_table *t = users_take(u);
	const struct users_entry *entry = users_table_find(t, address);

	(void)e; /* a back end over a network can fail; a table cannot */
	if (entry != NULL)
		users_copy(entry, user);
	users_table_release(&t);
	return entry != NULL;
}

bool
users_none(struct users *u)
{
	struct users_table *t = users_take(u);
	bool none = users_table_size(t) == 0;

	users_table_release(&t);
	return none;
}

/* The owner of `address`, as it stands or without its tag. */
static const struct users_entry *
find_tagged(const struct users_table *t, const char *address)
{
	char bare[ADDRESS_SIZE];
	struct span local, domain, user, tag;

	const struct users_entry *entry = users_table_find(t, address);
	if (entry != NULL)
		return entry;
	address_split(address, &local, &domain);
	if (!address_tag(local, &user, &tag) ||
	    user.n + 1 + domain.n >= sizeof(bare))
		return NULL;
	memcpy(bare, user.p, user.n);
	bare[user.n] = '@';
	memcpy(bare + user.n + 1, domain.p, domain.n);
	bare[user.n + 1 + domain.n] = '\0';
	return users_table_find(t, bare);
}

/* Is `own` the canonical address, as it stands or without its tag? */
static bool
is_tagged(const char *own, const char *address)
{
	struct span local, domain, user, tag, own_local, own_domain;

	if (strcmp(own, address) == 0)
		return true;
	address_split(address, &local, &domain);
	address_split(own, &own_local, &own_domain);
	return address_tag(local, &user, &tag) && span_eq(user, own_local) &&
	       span_eq(domain, own_domain);
}

/* send-as= */
static bool
is_granted(const struct users_entry *entry, const char *address)
{
	struct span local, domain;

	address_split(address, &local, &domain);
	for (unsigned i = 0; i < entry->n_send_as; i++) {
		const char *as = entry->send_as[i];
		if (strcmp(as, "*") == 0 ||
		    (as[0] == '@' ? span_eq(domain, span_of(as + 1))
				  : is_tagged(as, address)))
			return true;
	}
	return false;
}

bool
users_owns(struct users *u, const char *login, const char *address)
{
	struct users_table *t = users_take(u);
	const struct users_entry *entry = find_tagged(t, address);
	bool owns = entry != NULL && strcmp(entry->address, login) == 0;

	if (!owns && address[0] != '\0') {
		entry = users_table_find(t, login);
		owns = entry != NULL && strcmp(entry->address, login) == 0 &&
		       is_granted(entry, address);
	}
	users_table_release(&t);
	return owns;
}

struct turns *
users_turns(struct users *u)
{
	return u->turns;
}

uint64_t
users_party(const struct users *u, const char *peer)
{
	return peer_party(&u->parties, peer);
}

int
users_each(struct users *u, int (*fn)(void *ctx, const struct user *user),
	   void *ctx)
{
	struct users_table *t = users_take(u);
	struct user user;
	int rc = 0;

	for (size_t i = 0; i < users_table_size(t) && rc == 0; i++) {
		users_copy(users_table_at(t, i), &user);
		rc = fn(ctx, &user);
	}
	users_table_release(&t);
	return rc;
}
