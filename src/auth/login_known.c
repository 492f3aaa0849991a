#include "auth/login_known.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/crc32.h"
#include "base/durable.h"

static const char file_name[] = "known-logins";
static const char magic[] = "PPKNOWN1";

enum {
	MAGIC_BYTES = sizeof(magic) - 1,
	HEAD_BYTES = MAGIC_BYTES + 4, /* and how many */
	ENTRY_BYTES = 16, /* key, until when in s of the wall clock */
	SUM_BYTES = 4,
	FILE_MAX = HEAD_BYTES + LOGIN_KNOWN_MAX * ENTRY_BYTES + SUM_BYTES,
};

static int
add_number(struct buf *b, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++) {
		if (buf_add_char(b, (char)(v >> (8 * i) & 255)) != 0)
			return -1;
	}
	return 0;
}

static uint64_t
number_at(struct span s, size_t at, unsigned bytes)
{
	uint64_t v = 0;

	for (unsigned i = bytes; i-- > 0;)
		v = v << 8 | (unsigned char)s.p[at + i];
	return v;
}

static int
add_entries(const struct login_table *t, int64_t now_ms, struct buf *b)
{
	int64_t now_s = clock_wall_s();

	for (size_t i = 0; i < LOGIN_KNOWN_MAX; i++) {
		const struct login_entry *x = login_table_at(t, i);
		if (x->key == 0 || x->until_ms <= now_ms)
			continue;
		int64_t until_s = now_s + (x->until_ms - now_ms) / 1000;
		if (add_number(b, x->key, 8) != 0 ||
		    add_number(b, (uint64_t)until_s, 8) != 0)
			return -1;
	}
	return 0;
}

static uint64_t
count_entries(const struct login_table *t, int64_t now_ms)
{
	uint64_t n = 0;

	for (size_t i = 0; i < LOGIN_KNOWN_MAX; i++) {
		const struct login_entry *x = login_table_at(t, i);
		n += x->key != 0 && x->until_ms > now_ms;
	}
	return n;
}

int
login_known_write(const struct login_table *t, int64_t now_ms, struct buf *b,
		  struct err *e)
{
	buf_init(b, FILE_MAX);
	if (buf_add(b, magic, MAGIC_BYTES) != 0 ||
	    add_number(b, count_entries(t, now_ms), 4) != 0 ||
	    add_entries(t, now_ms, b) != 0 ||
	    add_number(b, crc32_add(0, b->p, b->n), SUM_BYTES) != 0)
		return err_set(e, ERR_TEMP, ENOMEM, "known-logins");
	return 0;
}

static bool
is_right(struct span bytes)
{
	if (bytes.n < HEAD_BYTES + SUM_BYTES || bytes.n > FILE_MAX ||
	    memcmp(bytes.p, magic, MAGIC_BYTES) != 0)
		return false;
	size_t n = number_at(bytes, MAGIC_BYTES, 4);
	size_t body = bytes.n - SUM_BYTES;
	return n <= LOGIN_KNOWN_MAX && body == HEAD_BYTES + n * ENTRY_BYTES &&
	       number_at(bytes, body, SUM_BYTES) == crc32_add(0, bytes.p, body);
}

/* Take in what a file says.  -1 (PERM): it is not right, and nothing was taken.
 */
static int
login_known_read(struct login_table *t, struct span bytes, int64_t now_ms,
		 struct err *e)
{
	int64_t now_s = clock_wall_s();
	const int64_t most_s = LOGIN_KNOWN_DAYS * (int64_t)24 * 3600;

	if (!is_right(bytes))
		return err_set(e, ERR_PERM, 0,
			       "%s is damaged, or of another form: who has "
			       "logged in from where is forgotten",
			       file_name);
	size_t n = number_at(bytes, MAGIC_BYTES, 4);
	for (size_t i = 0; i < n; i++) {
		size_t at = HEAD_BYTES + i * ENTRY_BYTES;
		uint64_t key = number_at(bytes, at, 8);
		uint64_t until_s = number_at(bytes, at + 8, 8);
		int64_t left =
		    until_s > INT64_MAX ? most_s : (int64_t)until_s - now_s;
		if (left > most_s)
			left = most_s; /* the clock went back */
		if (key != 0 && left > 0)
			login_table_place(t, key, now_ms)->until_ms =
			    now_ms + left * 1000;
	}
	return 0;
}

int
login_known_save(int dirfd, const struct buf *b, struct err *e)
{
	return durable_replace(dirfd, file_name, buf_span(b), 0600, e);
}

int
login_known_load(struct login_table *t, int dirfd, int64_t now_ms,
		 struct err *e)
{
	char *text = NULL;
	size_t n = 0;

	if (durable_read_file(dirfd, file_name, FILE_MAX, &text, &n, e) != 0)
		return e->sys == ENOENT ? 0 : -1;
	int rc = login_known_read(t, span_make(text, n), now_ms, e);
	free(text);
	return rc;
}
