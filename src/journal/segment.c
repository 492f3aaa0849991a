#include "journal/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/durable.h"
#include "journal/crc32c.h"

static const char magic[8] = { 'P', 'P', 'J', 'R', 'N', 'L', '1', '\n' };
static const char prefix[] = "segment-";

static uint32_t
get_u32(const char *p)
{
	uint32_t v = 0;

	for (int i = 3; i >= 0; i--)
		v = v << 8 | (unsigned char)p[i];
	return v;
}

static void
put_u32(char *p, uint32_t v)
{
	for (int i = 0; i < 4; i++, v >>= 8)
		p[i] = (char)(v & 255);
}

uint64_t
segment_u64(const char *p)
{
	return (uint64_t)get_u32(p + 4) << 32 | get_u32(p);
}

void
segment_put_u64(char *p, uint64_t v)
{
	put_u32(p, (uint32_t)v);
	put_u32(p + 4, (uint32_t)(v >> 32));
}

void
segment_name(uint64_t index, char name[SEGMENT_NAME_SIZE])
{
	(void)snprintf(name, SEGMENT_NAME_SIZE, "%s%020llu", prefix,
		       (unsigned long long)index);
}

int
segment_name_parse(const char *name, uint64_t *index)
{
	struct span s = span_of(name);

	if (s.n != sizeof(prefix) - 1 + 20 ||
	    memcmp(s.p, prefix, sizeof(prefix) - 1) != 0)
		return -1;
	return span_u64(span_skip(s, sizeof(prefix) - 1), index);
}

/* Zeros on disk, so that later writes change no metadata. */
static int
fill(int fd, size_t bytes, struct err *e)
{
	enum { PIECE = 64 * 1024 };
	char *zero = calloc(1, PIECE);
	int rc = -1;

	if (zero == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "journal segment");
	/* Ask for the room first: a full disk is told before it is filled. */
	int sys = posix_fallocate(fd, 0, (off_t)bytes);
	if (sys != 0 && sys != EOPNOTSUPP && sys != EINVAL) {
		(void)err_set(e, ERR_TEMP, sys, "journal segment");
		goto out;
	}
	for (size_t done = 0; done < bytes; done += PIECE) {
		size_t n = bytes - done < PIECE ? bytes - done : PIECE;
		if (durable_write(fd, zero, n, e) != 0)
			goto out;
	}
	rc = 0;
out:
	free(zero);
	return rc;
}

/* Of a header, the tag included when it has one. */
static uint32_t
header_crc(const char *h)
{
	uint32_t crc = crc32c(0, h, 24);

	return get_u32(h + 28) == 0 ? crc : crc32c(crc, h + 28, 4);
}

static int
write_header(int fd, const struct segment_head *head, struct err *e)
{
	char h[SEGMENT_HEADER_BYTES] = { 0 };

	memcpy(h, magic, sizeof(magic));
	segment_put_u64(h + 8, head->index);
	segment_put_u64(h + 16, head->first_seq);
	put_u32(h + 28, head->tag);
	put_u32(h + 24, header_crc(h));
	if (lseek(fd, 0, SEEK_SET) != 0)
		return err_set(e, ERR_TEMP, errno, "journal segment");
	return durable_write(fd, h, sizeof(h), e);
}

int
segment_open(int dirfd, uint64_t index)
{
	char name[SEGMENT_NAME_SIZE];
	struct err ignored;

	segment_name(index, name);
	return durable_open_file(dirfd, name, O_WRONLY, &ignored);
}

int
segment_create(int dirfd, const char *old, const struct segment_head *h,
	       size_t bytes, struct err *e)
{
	char name[SEGMENT_NAME_SIZE];
	int fd = -1;

	segment_name(h->index, name);
	if (old != NULL && renameat(dirfd, old, dirfd, name) == 0)
		fd = segment_open(dirfd, h->index);
	bool recycled = fd >= 0;
	if (!recycled)
		fd = durable_create(dirfd, name, e);
	if (fd < 0)
		return -1;
	if ((!recycled && fill(fd, bytes, e) != 0) ||
	    write_header(fd, h, e) != 0 || durable_sync(fd, e) != 0 ||
	    durable_sync(dirfd, e) != 0) {
		(void)close(fd);
		(void)unlinkat(dirfd, name, 0);
		return err_prefix(e, "%s", name);
	}
	return fd;
}

size_t
segment_record_size(size_t payload)
{
	return (SEGMENT_RECORD_BYTES + payload + 7) & ~(size_t)7;
}

void
segment_put(char *at, uint32_t tag, const struct segment_record *r,
	    const struct span *parts, size_t n_parts)
{
	size_t n = 0;
	char *payload = at + SEGMENT_RECORD_BYTES;

	for (size_t i = 0; i < n_parts; i++) {
		if (parts[i].n > 0)
			memcpy(payload + n, parts[i].p, parts[i].n);
		n += parts[i].n;
	}
	size_t whole = segment_record_size(n);
	memset(payload + n, 0, whole - SEGMENT_RECORD_BYTES - n);
	put_u32(at + 4, (uint32_t)n);
	segment_put_u64(at + 8, r->seq);
	segment_put_u64(at + 16, r->durable);
	put_u32(at + 24, r->type);
	put_u32(at + 28, tag);
	put_u32(at, crc32c(0, at + 4, SEGMENT_RECORD_BYTES - 4 + n));
}

/* The record at text[pos], if one with this tag is whole there. */
static bool
record_at(struct span text, size_t pos, uint32_t tag, struct segment_record *r)
{
	if (text.n - pos < SEGMENT_RECORD_BYTES)
		return false;
	const char *at = text.p + pos;
	size_t n = get_u32(at + 4);
	if (get_u32(at + 28) != tag || n > text.n - pos - SEGMENT_RECORD_BYTES)
		return false;
	if (get_u32(at) != crc32c(0, at + 4, SEGMENT_RECORD_BYTES - 4 + n))
		return false;
	r->seq = segment_u64(at + 8);
	r->durable = segment_u64(at + 16);
	r->type = get_u32(at + 24);
	r->payload = span_make(at + SEGMENT_RECORD_BYTES, n);
	return true;
}

static void
note_damage(struct segment_scan *found, size_t offset)
{
	if (found->damaged++ == 0)
		found->damage_offset = offset;
}

static void
note_torn(struct segment_scan *found, size_t offset, size_t n)
{
	if (found->torn_bytes == 0)
		found->torn_offset = offset;
	found->torn_bytes += n;
}

/*
 * What stands at the end is no record that comes next.  The beginning of one
 * whose write never ended looks like this: its head is there, some of the rest
 * is not.  One that would end behind the file's end was whole once: the file
 * was cut, since no record is begun that does not fit.
 */
static void
judge_tail(struct span text, size_t pos, uint32_t tag,
	   struct segment_scan *found)
{
	struct segment_record r;

	if (text.n - pos < SEGMENT_RECORD_BYTES ||
	    get_u32(text.p + pos + 28) != tag ||
	    (record_at(text, pos, tag, &r) && r.type == SEGMENT_MARK))
		return;
	size_t n = SEGMENT_RECORD_BYTES + (size_t)get_u32(text.p + pos + 4);
	if (n <= text.n - pos)
		note_torn(found, pos, n);
	else if (segment_u64(text.p + pos + 8) == found->last_seq + 1)
		note_damage(found, pos);
	else
		note_torn(found, pos, text.n - pos);
}

/*
 * Something at pos is no record.  Look for the next one, or for a mark.  A hole
 * is damage when one of them says that something in it was in force; else it is
 * the torn rest of a write that nobody was told about.
 */
static size_t
skip_hole(struct span text, size_t pos, uint32_t tag,
	  struct segment_scan *found)
{
	uint64_t expected = found->last_seq + 1;
	struct segment_record r;

	for (size_t at = pos + 8; at + SEGMENT_RECORD_BYTES <= text.n;
	     at += 8) {
		if (!record_at(text, at, tag, &r) || r.seq < expected)
			continue;
		if (r.durable >= expected)
			note_damage(found, pos);
		else
			note_torn(found, pos, at - pos);
		if (r.type == SEGMENT_MARK)
			found->last_seq = r.seq - 1;
		return at;
	}
	judge_tail(text, pos, tag, found);
	return text.n;
}

/* Made and not yet begun: the header is written last. */
static bool
is_blank(struct span text)
{
	return text.n == 0 || (text.p[0] == '\0' &&
			       memcmp(text.p, text.p + 1, text.n - 1) == 0);
}

/*
 * The tag of the records; false: there are none.  Where the header cannot be
 * read, the first record may still tell.
 */
static bool
read_header(struct span text, uint64_t index, uint32_t *tag,
	    struct segment_scan *found)
{
	const char *h = text.p;

	bool good = text.n >= SEGMENT_HEADER_BYTES &&
		    memcmp(h, magic, sizeof(magic)) == 0 &&
		    get_u32(h + 24) == header_crc(h) && segment_u64(h + 16) > 0;
	/* Renamed for its next life and not yet begun: holds nothing. */
	if ((good && segment_u64(h + 8) < index) || is_blank(text))
		return false;
	*tag = good ? get_u32(h + 28) : 0;
	if (good && segment_u64(h + 8) == index) {
		found->first_seq = segment_u64(h + 16);
		found->last_seq = found->first_seq - 1;
	} else {
		note_damage(found, 0);
		if (text.n >= SEGMENT_HEADER_BYTES + SEGMENT_RECORD_BYTES)
			*tag = get_u32(h + SEGMENT_HEADER_BYTES + 28);
	}
	if (*tag == 0)
		*tag = (uint32_t)index;
	return true;
}

/* Is this the record that comes next?  Without a header any may be the first.
 */
static bool
is_next(const struct segment_scan *found, const struct segment_record *r)
{
	return r->type != SEGMENT_MARK &&
	       (r->seq == found->last_seq + 1 ||
		(found->first_seq == 0 && r->seq > found->last_seq));
}

int
segment_scan_text(struct span text, uint64_t index,
		  int (*see)(void *, const struct segment_record *,
			     struct err *),
		  void *ctx, struct segment_scan *found, struct err *e)
{
	struct segment_record r;
	size_t pos = SEGMENT_HEADER_BYTES;
	uint32_t tag;

	found->size = text.n;
	if (!read_header(text, index, &tag, found))
		return 0;
	found->tag = tag;
	found->end = pos;
	while (pos < text.n) {
		if (!record_at(text, pos, tag, &r) || !is_next(found, &r)) {
			pos = skip_hole(text, pos, tag, found);
			if (pos >= text.n || !record_at(text, pos, tag, &r))
				return 0;
			if (r.type == SEGMENT_MARK)
				continue;
		}
		found->last_seq = r.seq;
		if (see(ctx, &r, e) != 0)
			return -1;
		pos += segment_record_size(r.payload.n);
		found->end = pos;
	}
	return 0;
}

int
segment_scan(int dirfd, const char *name, uint64_t index,
	     int (*see)(void *ctx, const struct segment_record *r,
			struct err *e),
	     void *ctx, struct segment_scan *found, struct err *e)
{
	char *text = NULL;
	size_t n = 0;

	*found = (struct segment_scan){ 0 };
	if (durable_read_file(dirfd, name, SEGMENT_BYTES_MAX, &text, &n, e) !=
	    0)
		return -1;
	int rc =
	    segment_scan_text(span_make(text, n), index, see, ctx, found, e);
	free(text);
	return rc;
}
