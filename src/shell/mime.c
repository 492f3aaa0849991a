#include "shell/mime.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "mail/header.h"
#include "shell/mime_private.h"

/*
 * Header fields are read from the bytes with mail/header.h, so that `source`,
 * `list` and `read` agree on what the fields are; GMime decodes their values
 * and takes the body apart.  GMime itself stops at 1024 nested multiparts; we
 * look at MIME_DEPTH_MAX of them, with a stack of our own.
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

/* ---- the tree, flattened ---------------------------------------------------
 */

struct frame {
	GMimeMultipart *multipart;
	int next;
	int chosen; /* the child to show; -1: all */
	bool hidden;
};

bool
mime_type_is(GMimeObject *object, const char *type, const char *subtype)
{
	GMimeContentType *t = g_mime_object_get_content_type(object);

	return t != NULL && g_mime_content_type_is_type(t, type, subtype);
}

/*
 * The child of a multipart/alternative to show: text/plain if there is one,
 * since that is what a terminal can show as it was meant; else the last child,
 * the writer's best (RFC 2046 5.1.4).
 */
static int
choose(struct mime *m, GMimeMultipart *multipart)
{
	int n = g_mime_multipart_get_count(multipart);
	int chosen = n - 1;

	if (!mime_type_is(GMIME_OBJECT(multipart), "multipart", "alternative"))
		return -1;
	for (int i = 0; i < n && i < MIME_PARTS_MAX; i++) {
		GMimeObject *child = g_mime_multipart_get_part(multipart, i);
		if (mime_type_is(child, "text", "plain"))
			chosen = i;
		else
			m->has_html_choice = true;
	}
	return chosen;
}

static int
add_leaf(struct mime *m, GMimeObject *object, bool hidden, struct err *e)
{
	if (m->n_leaves == MIME_PARTS_MAX)
		return err_set(e, ERR_LIMIT, 0, "message of more than %d parts",
			       MIME_PARTS_MAX);
	struct mime_leaf *leaf = &m->leaves[m->n_leaves];
	*leaf = (struct mime_leaf){ .object = object, .hidden = hidden };
	if (mime_part_describe(object, &leaf->part, e) != 0)
		return -1;
	leaf->part.number = ++m->n_leaves;
	return 0;
}

/* What hangs below object: a leaf is listed, a multipart pushed. */
static int
visit(struct mime *m, GMimeObject *object, bool hidden, struct frame *stack,
      int *depth, struct err *e)
{
	if (!GMIME_IS_MULTIPART(object))
		return add_leaf(m, object, hidden, e);
	if (*depth == MIME_DEPTH_MAX)
		return err_set(e, ERR_LIMIT, 0,
			       "multiparts inside each other more than %d deep",
			       MIME_DEPTH_MAX);
	GMimeMultipart *multipart = GMIME_MULTIPART(object);
	stack[(*depth)++] = (struct frame){ .multipart = multipart,
					    .chosen = choose(m, multipart),
					    .hidden = hidden };
	return 0;
}

static int
list_leaves(struct mime *m, struct err *e)
{
	struct frame stack[MIME_DEPTH_MAX];
	GMimeObject *top = g_mime_message_get_mime_part(m->message);
	int depth = 0;

	m->leaves = calloc(MIME_PARTS_MAX, sizeof(*m->leaves));
	if (m->leaves == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "message");
	if (top == NULL)
		return 0; /* no body at all */
	if (visit(m, top, false, stack, &depth, e) != 0)
		return -1;
	while (depth > 0) {
		struct frame *f = &stack[depth - 1];
		if (f->next >= g_mime_multipart_get_count(f->multipart)) {
			depth--;
			continue;
		}
		int i = f->next++;
		bool hidden = f->hidden || (f->chosen >= 0 && f->chosen != i);
		if (visit(m, g_mime_multipart_get_part(f->multipart, i), hidden,
			  stack, &depth, e) != 0)
			return -1;
	}
	return 0;
}

/* ---- parse -----------------------------------------------------------------
 */

static bool
is_address_line(struct span line)
{
	static const char *const names[] = { "From", "To",       "Cc",
					     "Bcc",  "Reply-To", "Sender" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct span name = span_of(names[i]);
		if (!span_starts_nocase(line, name))
			continue;
		size_t n = name.n;
		while (n < line.n && span_is_blank(line.p[n]))
			n++;
		if (n < line.n && line.p[n] == ':')
			return true;
	}
	return false;
}

/*
 * GMime reads the address fields of a message, and of every message inside it,
 * as it parses, and its group parser calls itself: "To: a:a:a:..." would use up
 * the stack.  So the whole text is searched for such a field before.
 */
static int
check_groups(struct span bytes, struct err *e)
{
	unsigned colons = 0;
	bool counting = false;

	while (bytes.n > 0) {
		long lf = span_find(bytes, '\n', 0);
		struct span line =
		    lf < 0 ? bytes : span_head(bytes, (size_t)lf);
		bytes = span_skip(bytes, line.n + (lf < 0 ? 0 : 1));
		if (line.n > 0 && !span_is_blank(line.p[0])) {
			counting = is_address_line(line);
			colons = 0;
		}
		if (!counting)
			continue;
		colons += mime_count_colons(line);
		if (colons > MIME_COLONS_MAX)
			return err_set(e, ERR_LIMIT, 0,
				       "groups of addresses inside each other");
	}
	return 0;
}

static GMimeMessage *
construct(struct span bytes)
{
	GMimeStream *stream =
	    g_mime_stream_mem_new_with_buffer(bytes.p, bytes.n);
	GMimeParser *parser = g_mime_parser_new_with_stream(stream);
	GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);

	g_object_unref(parser);
	g_object_unref(stream);
	return message;
}

int
mime_parse(struct mime **out, struct span bytes, struct err *e)
{
	struct mime *m;
	long end;

	*out = NULL;
	if (bytes.n > MIME_MESSAGE_MAX)
		return err_set(e, ERR_LIMIT, 0, "message of %zu bytes: too big",
			       bytes.n);
	end = header_block_end(span_head(bytes, MIME_HEADER_MAX));
	if (end < 0 && bytes.n > MIME_HEADER_MAX)
		return err_set(e, ERR_LIMIT, 0, "header of over %d bytes",
			       MIME_HEADER_MAX);
	if (check_groups(bytes, e) != 0)
		return -1;
	m = calloc(1, sizeof(*m));
	if (m == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "message");
	buf_init(&m->bytes, MIME_MESSAGE_MAX + 1);
	/* what GMime does not take for a message at all is a body */
	if (buf_add_char(&m->bytes, '\n') != 0 ||
	    buf_add_span(&m->bytes, bytes) != 0) {
		(void)err_set(e, ERR_TEMP, ENOMEM, "message");
		goto fail;
	}
	struct span copy = span_skip(buf_span(&m->bytes), 1);
	m->header = span_head(copy, end < 0 ? copy.n : (size_t)end);
	m->message = construct(copy);
	if (m->message == NULL)
		m->message = construct(buf_span(&m->bytes));
	if (m->message == NULL) {
		(void)err_set(e, ERR_PERM, 0, "not a message");
		goto fail;
	}
	if (list_leaves(m, e) != 0)
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
	if ((*m)->message != NULL)
		g_object_unref((*m)->message);
	free((*m)->leaves);
	buf_free(&(*m)->bytes);
	free(*m);
	*m = NULL;
}

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
	if (mime_leaf_bytes(leaf->object, &content, e) != 0)
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
inner_message(GMimeObject *object, unsigned width, struct buf *out,
	      struct err *e)
{
	struct mime_render_options o = { .headers = MIME_HEADERS_SHORT,
					 .width = width };
	struct mime *inner = NULL;
	struct buf bytes;
	int rc = -1;

	buf_init(&bytes, MIME_MESSAGE_MAX);
	if (mime_leaf_bytes(object, &bytes, e) == 0 &&
	    mime_parse(&inner, buf_span(&bytes), e) == 0)
		rc = mime_render(inner, &o, out, e);
	mime_free(&inner);
	buf_free(&bytes);
	return rc;
}

int
mime_part_text(const struct mime *m, unsigned number, unsigned width,
	       struct buf *out, struct err *e)
{
	const struct mime_leaf *leaf = find_leaf(m, number, e);

	if (leaf == NULL)
		return -1;
	if (GMIME_IS_MESSAGE_PART(leaf->object))
		return inner_message(leaf->object, width, out, e);
	return mime_leaf_text(leaf->object, width, out, e);
}
