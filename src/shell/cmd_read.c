#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/durable.h"
#include "shell/cmd.h"
#include "shell/json.h"
#include "shell/output.h"
#include "shell/paths.h"

const struct command_option cmd_read_options[] = {
	{ "headers", 0, "WHICH", COMPLETE_NONE,
	  "none, minimal (From, To), short or all" },
	{ "part", 0, "N", COMPLETE_NONE, "this part only" },
	{ "html", 0, NULL, COMPLETE_NONE,
	  "the HTML version, when there is one" },
	{ "raw", 0, NULL, COMPLETE_NONE, "the bytes as they came" },
	{ "no-pager", 0, NULL, COMPLETE_NONE, "never through the pager" },
	{ NULL, 0, NULL, COMPLETE_NONE, NULL },
};

const struct command_option cmd_save_options[] = {
	{ "to", 0, "PATH", COMPLETE_FILE,
	  "a directory, a new file, or - for standard output" },
	{ "force", 0, NULL, COMPLETE_NONE, "replace files that exist" },
	{ NULL, 0, NULL, COMPLETE_NONE, NULL },
};

/* ---- read -----------------------------------------------------------------
 */

struct reading {
	const struct args *a;
	struct mime_render_options render;
	unsigned part; /* 0: the message */
	struct buf text;
};

static int
reading_options(struct shell *sh, const struct args *a, struct reading *r)
{
	static const struct {
		const char *word;
		enum mime_headers headers;
	} words[] = { { "none", MIME_HEADERS_NONE },
		      { "minimal", MIME_HEADERS_MINIMAL },
		      { "short", MIME_HEADERS_SHORT },
		      { "all", MIME_HEADERS_ALL } };
	const struct arg *v = args_value(a, "headers");
	const struct arg *part = args_value(a, "part");
	uint64_t n = 0;
	size_t i = 2;

	r->a = a;
	if (v != NULL) {
		for (i = 0; i < 4 && strcmp(words[i].word, v->text) != 0; i++)
			;
		if (i == 4)
			return failure_set(&sh->fail, SHELL_USAGE,
					   "--headers is none, minimal, short "
					   "or all");
	}
	if (part != NULL &&
	    (span_u64(arg_span(part), &n) != 0 || n == 0 || n > MIME_PARTS_MAX))
		return failure_set(&sh->fail, SHELL_USAGE,
				   "--part wants a number");
	r->part = (unsigned)n;
	r->render.headers = words[i].headers;
	r->render.prefer_html = args_has(a, "html");
	r->render.width = shell_size(sh).columns;
	r->render.bold_names = shell_color(sh);
	return SHELL_OK;
}

static int
json_message(struct shell *sh, uint32_t n, const struct reading *r)
{
	const struct message *m = &sh->box.v[n - 1];
	struct json_row *row = json_row_new("message");

	json_row_number(row, "n", n);
	json_row_text(row, "uid", m->uidl);
	json_row_text(row, "from", m->s.from);
	json_row_text(row, "to", m->s.to);
	json_row_text(row, "cc", m->s.cc);
	json_row_text(row, "subject", m->s.subject);
	json_row_text(row, "id", m->s.message_id);
	json_row_number(row, "size", (int64_t)m->bytes);
	json_row_text(row, "body", r->text.p == NULL ? "" : r->text.p);
	if (json_row_print(&row, sh->out) != 0)
		return failure_set(&sh->fail, SHELL_LOCAL, "out of memory");
	return SHELL_OK;
}

static int
render(struct shell *sh, uint32_t n, struct reading *r)
{
	struct mime_render_options o = r->render;
	struct mime *m = NULL;
	struct err e = { 0 };
	int rc = SHELL_OK;

	if (r->a->format == FORMAT_JSON) {
		o.headers = MIME_HEADERS_NONE;
		rc = mailbox_summarise(sh, &n, 1);
	}
	if (rc != SHELL_OK)
		return rc;
	if (mime_parse(&m, buf_span(&sh->box.raw), &e) != 0)
		return failure_from_local(&sh->fail, &e);
	if ((r->part != 0 ? mime_part_text(m, r->part, o.width, &r->text, &e)
			  : mime_render(m, &o, &r->text, &e)) != 0)
		rc = e.class == ERR_PERM
			 ? failure_set(&sh->fail, SHELL_REFUSED, "%s", e.msg)
			 : failure_from_local(&sh->fail, &e);
	mime_free(&m);
	if (rc != SHELL_OK || r->a->format != FORMAT_JSON)
		return rc;
	if (buf_add_char(&r->text, '\0') != 0)
		return failure_set(&sh->fail, SHELL_LOCAL, "out of memory");
	return json_message(sh, n, r);
}

static int
read_one(struct shell *sh, uint32_t n, bool titled, struct reading *r)
{
	int rc = mailbox_fetch(sh, n);

	if (rc != SHELL_OK)
		return rc;
	buf_clear(&r->text);
	if (args_has(r->a, "raw")) {
		rc = output_page(sh, buf_span(&sh->box.raw), false);
	} else {
		if (titled && r->a->format != FORMAT_JSON &&
		    buf_addf(&r->text, "-- message %u --\n", n) != 0)
			return failure_set(&sh->fail, SHELL_LOCAL,
					   "out of memory");
		rc = render(sh, n, r);
		if (rc == SHELL_OK && r->a->format != FORMAT_JSON)
			rc = output_page(sh, buf_span(&r->text),
					 !args_has(r->a, "no-pager"));
	}
	if (rc == SHELL_OK) {
		sh->box.v[n - 1].seen = true;
		sh->box.v[n - 1].fresh = false;
		sh->box.current = n;
	}
	return rc;
}

/* Without a set: the next one not read here, else the current one again. */
static int
select_to_read(struct shell *sh, const struct args *a, uint32_t **numbers,
	       uint32_t *n)
{
	int rc;

	if (a->n > 0)
		return cmd_select(sh, a->operand, a->n, NULL, false, numbers,
				  n);
	rc = cmd_select(sh, NULL, 0, "unread", true, numbers, n);
	if (rc != SHELL_OK)
		return rc;
	if (*n > 0) {
		*n = 1;
		return SHELL_OK;
	}
	free(*numbers);
	return cmd_select(sh, NULL, 0, NULL, false, numbers, n);
}

int
cmd_read(struct shell *sh, const struct args *a)
{
	struct reading r = { .a = a };
	uint32_t *numbers = NULL, n = 0;
	int rc = reading_options(sh, a, &r);

	if (rc == SHELL_OK)
		rc = select_to_read(sh, a, &numbers, &n);
	buf_init(&r.text, MIME_TEXT_MAX + 4 * MIME_HEADER_MAX);
	for (uint32_t i = 0; rc == SHELL_OK && i < n; i++) {
		if (shell_interrupted(sh))
			rc = failure_set(&sh->fail, SHELL_INTERRUPTED,
					 "interrupted");
		else
			rc = read_one(sh, numbers[i], n > 1, &r);
	}
	buf_free(&r.text);
	free(numbers);
	return rc;
}

/* ---- save -----------------------------------------------------------------
 */

struct saving {
	const char *to;
	char path[PATHS_SIZE];
	bool to_stdout, to_dir, force;
	unsigned files;
};

static int
local_failure(struct shell *sh, const char *path, int sys)
{
	char text[128];

	(void)failure_set(&sh->fail, SHELL_LOCAL, "%s: %s", path,
			  err_sys_text(sys, text, sizeof(text)));
	if (sys == EEXIST)
		failure_hint(&sh->fail, "--force replaces it");
	return SHELL_LOCAL;
}

/* A new file for `name`; its path in s->path.  fd or -1. */
static int
open_target(struct shell *sh, struct saving *s, const char *name)
{
	int flags = O_WRONLY | O_CREAT | O_CLOEXEC, fd, n;

	if (s->to_dir)
		n = snprintf(s->path, sizeof(s->path), "%s/%s", s->to, name);
	else
		n = snprintf(s->path, sizeof(s->path), "%s", s->to);
	if (n >= (int)sizeof(s->path)) {
		(void)local_failure(sh, s->to, ENAMETOOLONG);
		return -1;
	}
	if (!s->to_dir && s->files > 0) {
		(void)failure_set(&sh->fail, SHELL_USAGE,
				  "several parts want a directory, %s is one "
				  "file",
				  s->to);
		return -1;
	}
	fd = open(s->path, flags | (s->force ? O_TRUNC : O_EXCL), 0666);
	if (fd < 0)
		(void)local_failure(sh, s->path, errno);
	s->files++;
	return fd;
}

/* m == NULL: the whole message. */
static int
save_one(struct shell *sh, struct saving *s, const struct mime *m,
	 unsigned part, const char *name)
{
	struct span raw = buf_span(&sh->box.raw);
	uint64_t bytes = raw.n;
	struct err e = { 0 };
	int fd, rc;

	if (s->to_stdout) {
		(void)fflush(sh->out);
		if (m == NULL) {
			(void)fwrite(raw.p, 1, raw.n, sh->out);
			return SHELL_OK;
		}
		fd = fileno(sh->out);
		if (fd < 0)
			return failure_set(&sh->fail, SHELL_USAGE,
					   "$( ) cannot hold a part");
		return mime_part_save(m, part, fd, &bytes, &e) != 0
			   ? failure_from_local(&sh->fail, &e)
			   : SHELL_OK;
	}
	fd = open_target(sh, s, name);
	if (fd < 0)
		return (int)sh->fail.status;
	rc = m == NULL ? durable_write(fd, raw.p, raw.n, &e)
		       : mime_part_save(m, part, fd, &bytes, &e);
	if (close(fd) != 0 && rc == 0)
		rc = err_set(&e, ERR_TEMP, errno, "%s", s->path);
	if (rc != 0) {
		(void)unlink(s->path);
		return failure_from_local(&sh->fail, &e);
	}
	shell_say(sh, "saved %s (%llu bytes)", s->path,
		  (unsigned long long)bytes);
	return SHELL_OK;
}

/* `what` is a part's number or a pattern for names. */
static int
save_parts(struct shell *sh, struct saving *s, const char *what)
{
	struct mime *m = NULL;
	struct err e = { 0 };
	uint64_t number = 0;
	bool by_number = span_u64(span_of(what), &number) == 0;
	unsigned found = 0;
	int rc = SHELL_OK;

	if (mime_parse(&m, buf_span(&sh->box.raw), &e) != 0)
		return failure_from_local(&sh->fail, &e);
	for (unsigned i = 0; rc == SHELL_OK && i < mime_part_count(m); i++) {
		const struct mime_part *p = mime_part_at(m, i);
		char name[MIME_NAME_SIZE];

		mime_part_file_name(p, name);
		if (by_number
			? p->number != number
			: !p->is_attachment || fnmatch(what, name, 0) != 0)
			continue;
		found++;
		rc = save_one(sh, s, m, p->number, name);
	}
	mime_free(&m);
	if (rc == SHELL_OK && found == 0) {
		(void)failure_set(&sh->fail, SHELL_REFUSED,
				  "no part matches %s", what);
		sh->fail.symbol = "no-match";
		failure_hint(&sh->fail, "`read` lists the parts");
		return SHELL_REFUSED;
	}
	return rc;
}

static int
save_target(struct shell *sh, const struct args *a, struct saving *s,
	    char to[PATHS_SIZE])
{
	const struct arg *v = args_value(a, "to");
	struct stat st;

	s->force = args_has(a, "force");
	const char *where = v == NULL ? "." : v->text;
	if (paths_expand(to, where) != 0)
		return local_failure(sh, where, ENAMETOOLONG);
	s->to = to;
	s->to_stdout = strcmp(to, "-") == 0;
	s->to_dir = stat(to, &st) == 0 && S_ISDIR(st.st_mode);
	if (!s->to_dir && to[0] != '\0' && to[strlen(to) - 1] == '/')
		return local_failure(sh, to, ENOENT);
	return SHELL_OK;
}

int
cmd_save(struct shell *sh, const struct args *a)
{
	struct saving s = { 0 };
	char to[PATHS_SIZE], name[32];
	uint32_t *numbers = NULL, n = 0;
	int rc = save_target(sh, a, &s, to);

	if (rc == SHELL_OK)
		rc = cmd_select(sh, a->operand, a->n > 0 ? 1 : 0, NULL, false,
				&numbers, &n);
	for (uint32_t i = 0; rc == SHELL_OK && i < n; i++) {
		rc = mailbox_fetch(sh, numbers[i]);
		if (rc != SHELL_OK)
			break;
		(void)snprintf(name, sizeof(name), "%u.eml", numbers[i]);
		rc = a->n > 1 ? save_parts(sh, &s, a->operand[1].text)
			      : save_one(sh, &s, NULL, 0, name);
	}
	free(numbers);
	return rc;
}
