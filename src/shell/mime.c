#include "shell/mime.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "mail/header.h"
#include "shell/mime_private.h"

/*
 * A message is read from its bytes, with mail/header.h and mime_tree.c, so that
 * `source`, `list` and `read` agree on what the fields are, and nothing is lost
 * that a library does not understand.  GMime parses address lists and builds
 * what we send.
 */
void
mime_start(void)
{
	g_mime_init();
}

void
mime_stop(void)
{
	g_mime_shutdown();
}

/* ---- parse -----------------------------------------------------------------
 */

int
mime_parse(struct mime **out, struct span bytes, struct err *e)
{
	struct mime *m;

	*out = NULL;
	if (bytes.n > MIME_MESSAGE_MAX)
		return err_set(e, ERR_LIMIT, 0, "message of %zu bytes: too big",
			       bytes.n);
	m = calloc(1, sizeof(*m));
	if (m == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "message");
	buf_init(&m->bytes, MIME_MESSAGE_MAX);
	if (buf_add_span(&m->bytes, bytes) != 0) {
		(void)err_set(e, ERR_TEMP, ENOMEM, "message");
		goto fail;
	}
	struct mime_entity top = mime_tree_entity(buf_span(&m->bytes), true);
	m->header = top.header;
	m->body = top.body;
	if (mime_tree_read(m, top, e) != 0)
		goto fail;
	*out = m;
	return 0;
fail:
	mime_free(&m);
	return -1;
}

void
mime_free(struct mime **m)
{
	if (*m == NULL)
		return;
	free((*m)->leaves);
	buf_free(&(*m)->bytes);
	free(*m);
	*m = NULL;
}

unsigned
mime_over(const struct mime *m)
{
	return m->over;
}

const char *
mime_over_text(enum mime_over one)
{
	switch (one) {
	case MIME_OVER_HEADER:
		return "header of over 256 KiB: the fields behind that are "
		       "not read";
	case MIME_OVER_PARTS:
		return "more than 500 parts: the rest is the last part, as it "
		       "came";
	case MIME_OVER_DEPTH:
		return "multiparts inside each other more than 50 deep: what "
		       "is deeper is a part, as it came";
	}
	return "";
}

_Static_assert(MIME_HEADER_MAX == 256 << 10 && MIME_PARTS_MAX == 500 &&
		   MIME_DEPTH_MAX == 50,
	       "as mime_over_text has it");

/* ---- header fields ---------------------------------------------------------
 */

int
mime_header(const struct mime *m, const char *name, unsigned index,
	    struct buf *out)
{
	struct span rest = m->header;
	struct header_field f;

	while (header_next(&rest, &f)) {
		if (!span_eq_nocase(f.name, span_of(name)) || index-- > 0)
			continue;
		return mime_value_text(name, f.value, out) == 0 ? 1 : -1;
	}
	return 0;
}

int
mime_message_addresses(const struct mime *m, const char *name, struct arena *a,
		       struct mime_address **list, unsigned *n, struct err *e)
{
	struct span rest = m->header;
	struct header_field f;
	struct buf all;
	int rc = -1;

	buf_init(&all, MIME_HEADER_MAX);
	while (header_next(&rest, &f)) {
		if (!span_eq_nocase(f.name, span_of(name)))
			continue;
		if ((all.n > 0 && buf_add_str(&all, ", ") != 0) ||
		    header_unfold(f.value, &all) != 0) {
			(void)err_set(e, ERR_TEMP, errno, "addresses");
			goto out;
		}
	}
	rc = mime_value_addresses(buf_span(&all), a, list, n, e);
out:
	buf_free(&all);
	return rc;
}

/* ---- parts -----------------------------------------------------------------
 */

unsigned
mime_part_count(const struct mime *m)
{
	return m->n_leaves;
}

const struct mime_part *
mime_part_at(const struct mime *m, unsigned index)
{
	return index < m->n_leaves ? &m->leaves[index].part : NULL;
}

bool
mime_has_attachment(const struct mime *m)
{
	for (unsigned i = 0; i < m->n_leaves; i++)
		if (m->leaves[i].part.is_attachment)
			return true;
	return false;
}

static const struct mime_leaf *
find_leaf(const struct mime *m, unsigned number, struct err *e)
{
	if (number == 0 || number > m->n_leaves) {
		(void)err_set(e, ERR_PERM, 0, "no part %u: the message has %u",
			      number, m->n_leaves);
		return NULL;
	}
	return &m->leaves[number - 1];
}

int
mime_part_save(const struct mime *m, unsigned number, int fd, uint64_t *bytes,
	       struct err *e)
{
	const struct mime_leaf *leaf = find_leaf(m, number, e);
	struct buf content;
	int rc = -1;

	if (leaf == NULL)
		return -1;
	buf_init(&content, MIME_MESSAGE_MAX * 2U);
	if (mime_leaf_bytes(leaf, &content, e) != 0)
		goto out;
	for (size_t done = 0; done < content.n;) {
		ssize_t put = write(fd, content.p + done, content.n - done);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0) {
			(void)err_set(e, ERR_TEMP, errno, "write");
			goto out;
		}
		done += (size_t)put;
	}
	if (bytes != NULL)
		*bytes = content.n;
	rc = 0;
out:
	buf_free(&content);
	return rc;
}

/* A message inside the message: its own header and text. */
static int
inner_message(const struct mime_leaf *leaf,
	      const struct mime_render_options *outer, struct buf *out,
	      struct err *e)
{
	struct mime_render_options o = { .headers = MIME_HEADERS_SHORT,
					 .width = outer->width,
					 .never_empty = outer->never_empty,
					 .message = outer->message,
					 .inside = leaf->part.number };
	struct mime *inner = NULL;
	struct buf bytes;
	int rc = -1;

	buf_init(&bytes, MIME_MESSAGE_MAX);
	if (mime_leaf_bytes(leaf, &bytes, e) == 0 &&
	    mime_parse(&inner, buf_span(&bytes), e) == 0)
		rc = mime_render(inner, &o, out, e);
	mime_free(&inner);
	buf_free(&bytes);
	return rc;
}

int
mime_part_text(const struct mime *m, unsigned number,
	       const struct mime_render_options *o, struct buf *out,
	       struct err *e)
{
	const struct mime_leaf *leaf = find_leaf(m, number, e);
	size_t begin = out->n;
	uint64_t left_out;
	int rc = 0;

	if (leaf == NULL)
		return -1;
	if (mime_leaf_is_message(leaf))
		return inner_message(leaf, o, out, e);
	if (mime_leaf_text(leaf, o->width, MIME_TEXT_MAX, out, &left_out, e) !=
	    0)
		return -1;
	if (left_out != 0)
		rc = mime_put_left_out(number, left_out, o, out);
	else if (o->never_empty &&
		 mime_charset_is_blank(span_skip(buf_span(out), begin)))
		rc = buf_addf(out,
			      leaf->part.size == 0
				  ? "[part %u is empty]\n"
				  : "[part %u holds no text that can be "
				    "seen]\n",
			      number);
	return rc == 0 ? 0 : err_set(e, ERR_LIMIT, 0, "message text");
}
