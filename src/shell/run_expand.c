#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shell/run_private.h"

/* What $name, $? and $( ) give. */
enum { CAPTURE_MAX = 1024 * 1024 };

static int
special_variable(struct shell *sh, struct span name, struct buf *out)
{
	uint64_t n;

	if (span_eq(name, span_of("?")))
		return buf_addf(out, "%d", (int)sh->fail.status) == 0 ? 1 : -1;
	if (span_eq(name, span_of("error")))
		return buf_add_str(out, sh->fail.status == SHELL_OK
					    ? ""
					    : sh->fail.symbol) == 0
			   ? 1
			   : -1;
	if (span_eq(name, span_of("code")))
		return buf_addf(out, "%d", sh->fail.code) == 0 ? 1 : -1;
	if (span_eq(name, span_of("enhanced")))
		return buf_add_str(out, sh->fail.enhanced) == 0 ? 1 : -1;
	if (span_eq(name, span_of("0")))
		return buf_add_str(out,
				   sh->file == NULL ? "mailsh" : sh->file) == 0
			   ? 1
			   : -1;
	if (span_eq(name, span_of("count")))
		return buf_addf(out, "%u", sh->box.n_last) == 0 ? 1 : -1;
	if (span_eq(name, span_of("last")))
		return mailbox_last_text(&sh->box, out) == 0 ? 1 : -1;
	if (span_u64(name, &n) == 0) {
		if (n == 0 || n > sh->n_script_args)
			return 0;
		return buf_add_str(out, sh->script_args[n - 1]) == 0 ? 1 : -1;
	}
	return 0;
}

int
run_expand_variable(void *ctx, struct span name, struct buf *out, struct err *e)
{
	struct shell *sh = ctx;
	const char *value;
	int rc = special_variable(sh, name, out);

	if (rc == 0) {
		value = vars_get(&sh->vars, name);
		if (value == NULL)
			return err_set(e, ERR_PERM, 0,
				       "$%.*s is not set (a dollar sign itself "
				       "is '$' or \\$ inside quotes)",
				       SPAN_ARG(name));
		rc = buf_add_str(out, value) == 0 ? 1 : -1;
	}
	if (rc < 0)
		return err_set(e, ERR_LIMIT, 0, "the value is too long");
	return 0;
}

/* What a file that was written holds; at most CAPTURE_MAX bytes. */
static int
collect(FILE *file, struct buf *out, struct err *e)
{
	char piece[4096];
	size_t n, total = 0;

	if (fflush(file) != 0 || fseek(file, 0, SEEK_SET) != 0)
		return err_set(e, ERR_TEMP, errno, "$( )");
	while ((n = fread(piece, 1, sizeof(piece), file)) > 0) {
		total += n;
		if (total > CAPTURE_MAX || buf_add(out, piece, n) != 0)
			return err_set(e, ERR_LIMIT, 0, "$( ) gives too much");
	}
	return 0;
}

/* Into a file in memory, so that programs after | and ! can write there, too.
 */
int
run_expand_command(void *ctx, struct span text, struct buf *out, struct err *e)
{
	struct shell *sh = ctx;
	FILE *saved = sh->out, *file = NULL;
	bool was_tty = sh->out_is_tty;
	int fd, rc;

	if (sh->depth >= SHELL_DEPTH_MAX)
		return err_set(e, ERR_LIMIT, 0, "$( ) is nested too deep");
	fd = memfd_create("mailsh", MFD_CLOEXEC);
	if (fd >= 0)
		file = fdopen(fd, "w+");
	if (file == NULL) {
		(void)err_set(e, ERR_TEMP, errno, "$( )");
		if (fd >= 0)
			(void)close(fd);
		return -1;
	}
	sh->out = file;
	sh->out_is_tty = false;
	rc = run_text(sh, sh->file, text);
	sh->out = saved;
	sh->out_is_tty = was_tty;
	rc = rc != SHELL_OK
		 ? err_set(e, rc == SHELL_INTERRUPTED ? ERR_STOP : ERR_PERM, 0,
			   "$(%.*s) failed", SPAN_ARG(text))
		 : collect(file, out, e);
	(void)fclose(file);
	return rc;
}
