#include "journal/journal_list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/durable.h"

enum { SEGMENTS_MAX = 65536, VOID_RECORDS_MAX = 4096 };

int
segment_list_reserve(struct segment_list *l, struct err *e)
{
	if (l->n < l->cap)
		return 0;
	if (l->cap >= SEGMENTS_MAX)
		return err_set(e, ERR_LIMIT, ENOSPC, "too many segments");
	size_t cap = l->cap == 0 ? 16 : l->cap * 2;
	struct segment_entry *v = realloc(l->v, cap * sizeof(*v));
	if (v == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "journal");
	l->v = v;
	l->cap = cap;
	return 0;
}

void
segment_list_add(struct segment_list *l, const struct segment_head *h)
{
	l->v[l->n++] = (struct segment_entry){ .index = h->index,
					       .first_seq = h->first_seq,
					       .last_seq = h->first_seq - 1,
					       .tag = h->tag };
	if (h->index >= l->next_index)
		l->next_index = h->index + 1;
}

unsigned
segment_list_live(const struct segment_list *l)
{
	return (unsigned)l->n;
}

bool
segment_list_take_spare(struct segment_list *l, char name[SEGMENT_NAME_SIZE])
{
	if (l->n_spare == 0)
		return false;
	segment_name(l->spare[--l->n_spare], name);
	return true;
}

static void
set_aside(int dirfd, const char *name)
{
	char to[SEGMENT_NAME_SIZE + 16], as[DURABLE_NAME_SIZE];

	(void)snprintf(to, sizeof(to), "damaged/%s", name);
	if (mkdirat(dirfd, "damaged", 0700) == 0 || errno == EEXIST)
		(void)durable_set_aside(dirfd, name, dirfd, to, as, NULL);
}

void
segment_list_release(struct segment_list *l, int dirfd, uint64_t seq,
		     size_t spares)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->n; i++) {
		struct segment_entry *s = &l->v[i];
		char name[SEGMENT_NAME_SIZE];
		if (i + 1 == l->n || s->last_seq > seq) {
			l->v[kept++] = *s;
			continue;
		}
		segment_name(s->index, name);
		if (s->damaged)
			set_aside(dirfd, name);
		else if (l->n_spare < spares)
			l->spare[l->n_spare++] = s->index;
		else
			(void)unlinkat(dirfd, name, 0);
	}
	l->n = kept;
}

void
segment_list_find_spares(struct segment_list *l, int dirfd, size_t size,
			 size_t spares)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->n; i++) {
		struct segment_entry *s = &l->v[i];
		char name[SEGMENT_NAME_SIZE];
		if (s->damaged || s->last_seq > l->released) {
			l->v[kept++] = *s;
			continue;
		}
		segment_name(s->index, name);
		if (s->size == size && l->n_spare < spares)
			l->spare[l->n_spare++] = s->index;
		else
			(void)unlinkat(dirfd, name, 0);
	}
	l->n = kept;
}

void
segment_list_free(struct segment_list *l)
{
	free(l->v);
	free(l->voids);
	*l = (struct segment_list){ 0 };
}

static int
by_index(const void *a, const void *b)
{
	uint64_t x = ((const struct segment_entry *)a)->index;
	uint64_t y = ((const struct segment_entry *)b)->index;

	return x < y ? -1 : x > y;
}

static int
find_segments(struct segment_list *l, int dirfd, struct err *e)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	int rc = -1;

	if (d == NULL) {
		(void)err_set(e, ERR_TEMP, errno, "journal directory");
		if (fd >= 0)
			(void)close(fd);
		return -1;
	}
	for (;;) {
		struct segment_head h = { .first_seq = 1 };
		errno = 0;
		struct dirent *entry = readdir(d);
		if (entry == NULL)
			break;
		if (segment_name_parse(entry->d_name, &h.index) != 0)
			continue;
		if (segment_list_reserve(l, e) != 0)
			goto out;
		segment_list_add(l, &h);
	}
	if (errno != 0) {
		(void)err_set(e, ERR_TEMP, errno, "journal directory");
		goto out;
	}
	if (l->n > 0)
		qsort(l->v, l->n, sizeof(*l->v), by_index);
	rc = 0;
out:
	(void)closedir(d);
	return rc;
}

/* First reading: what was released, what is void. */
static int
note_own_record(void *ctx, const struct segment_record *r, struct err *e)
{
	struct segment_list *l = ctx;

	if (r->type == SEGMENT_RELEASE && r->payload.n == 8) {
		uint64_t seq = segment_u64(r->payload.p);
		if (seq > l->released)
			l->released = seq;
	}
	if (r->type == SEGMENT_VOID && r->payload.n == 16) {
		if (l->n_voids == VOID_RECORDS_MAX)
			return err_set(e, ERR_LIMIT, 0,
				       "too many void records");
		void *v =
		    realloc(l->voids, (l->n_voids + 1) * sizeof(*l->voids));
		if (v == NULL)
			return err_set(e, ERR_TEMP, ENOMEM, "journal");
		l->voids = v;
		l->voids[l->n_voids++] =
		    (struct segment_void){ segment_u64(r->payload.p),
					   segment_u64(r->payload.p + 8) };
	}
	return 0;
}

static bool
is_void(const struct segment_list *l, uint64_t seq)
{
	for (size_t i = 0; i < l->n_voids; i++) {
		if (seq >= l->voids[i].from && seq <= l->voids[i].to)
			return true;
	}
	return false;
}

struct replaying {
	struct segment_list *list;
	int (*replay)(void *, const struct journal_record *, struct err *);
	void *ctx;
	struct journal_report *report;
};

/* Second reading: hand on what is in force and not released. */
static int
hand_on(void *ctx, const struct segment_record *r, struct err *e)
{
	struct replaying *p = ctx;

	if (r->seq <= p->list->released || r->type >= SEGMENT_RELEASE)
		return 0;
	if (is_void(p->list, r->seq))
		return 0;
	struct journal_record out = { r->seq, r->type, r->payload };
	p->report->records++;
	return p->replay(p->ctx, &out, e);
}

/*
 * Numbers that no file holds: a segment is gone or cut short.  The segment with
 * the last release stays, since that has a higher number than what it releases.
 * So where no release is found none was made, and the first record is number 1.
 */
static void
report_gaps(const struct segment_list *l, struct journal_report *report)
{
	uint64_t last = l->released;

	for (size_t i = 0; i < l->n; i++) {
		const struct segment_entry *s = &l->v[i];
		if (s->first_seq > last + 1 && !is_void(l, last + 1)) {
			if (report->damaged++ == 0)
				(void)snprintf(
				    report->where, sizeof(report->where),
				    "records %llu to %llu are missing",
				    (unsigned long long)last + 1,
				    (unsigned long long)s->first_seq - 1);
		}
		if (s->last_seq > last)
			last = s->last_seq;
	}
}

static void
report_damage(struct journal_report *report, const char *name,
	      const struct segment_scan *found)
{
	if (report->torn_bytes == 0 && found->torn_bytes > 0)
		(void)snprintf(report->torn, sizeof(report->torn),
			       "%s offset %llu", name,
			       (unsigned long long)found->torn_offset);
	report->torn_bytes += found->torn_bytes;
	if (found->damaged == 0)
		return;
	if (report->damaged == 0)
		(void)snprintf(report->where, sizeof(report->where),
			       "%s offset %llu", name,
			       (unsigned long long)found->damage_offset);
	report->damaged += found->damaged;
}

int
segment_list_replay(struct segment_list *l, int dirfd,
		    int (*replay)(void *ctx, const struct journal_record *r,
				  struct err *e),
		    void *ctx, struct journal_report *report, struct err *e)
{
	struct replaying p = { l, replay, ctx, report };
	struct segment_scan found;
	char name[SEGMENT_NAME_SIZE];

	*report = (struct journal_report){ 0 };
	l->next_index = 1;
	if (find_segments(l, dirfd, e) != 0)
		return -1;
	for (size_t i = 0; i < l->n; i++) {
		struct segment_entry *s = &l->v[i];
		segment_name(s->index, name);
		if (segment_scan(dirfd, name, s->index, note_own_record, l,
				 &found, e) != 0)
			return -1;
		s->first_seq = found.first_seq;
		s->last_seq = found.last_seq;
		s->damaged = found.damaged > 0;
		s->tag = found.tag;
		s->end = found.end;
		s->size = found.size;
		if (found.last_seq > l->last_seq)
			l->last_seq = found.last_seq;
		report_damage(report, name, &found);
		report->segments++;
	}
	report_gaps(l, report);
	for (size_t i = 0; i < l->n; i++) {
		segment_name(l->v[i].index, name);
		if (segment_scan(dirfd, name, l->v[i].index, hand_on, &p,
				 &found, e) != 0)
			return -1;
	}
	return 0;
}

int
journal_check(int dirfd,
	      int (*see)(void *ctx, const struct journal_record *r,
			 struct err *e),
	      void *ctx, struct journal_report *report, struct err *e)
{
	struct segment_list l = { 0 };

	int rc = segment_list_replay(&l, dirfd, see, ctx, report, e);
	segment_list_free(&l);
	return rc;
}
