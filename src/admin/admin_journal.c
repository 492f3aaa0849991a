#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/admin.h"
#include "journal/journal.h"

/* What is known of the records: how many, how large. */
struct sum {
	uint64_t records, bytes;
};

static int
add(void *ctx, const struct journal_record *r, struct err *e)
{
	struct sum *sum = ctx;

	(void)e;
	sum->records++;
	sum->bytes += r->payload.n;
	return 0;
}

/* A directory in which nothing is wrong because nothing is there: most often
 * the data directory, and the journal stands below it. */
static int
no_journal(int dirfd, const char *dir)
{
	bool below = faccessat(dirfd, "journal", F_OK, 0) == 0;
	struct err e = { 0 };

	(void)err_set(&e, ERR_PERM, 0, "%s holds no journal%s%s%s", dir,
		      below ? ": did you mean " : "", below ? dir : "",
		      below ? "/journal?" : "");
	return admin_fail(ADMIN_NO_INPUT, &e);
}

static int
check(const char *dir)
{
	struct journal_report report = { 0 };
	struct sum sum = { 0 };
	struct err e = { 0 };

	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		(void)err_set(&e, ERR_TEMP, errno, "cannot open %s", dir);
		return admin_fail(ADMIN_NO_INPUT, &e);
	}
	int rc = journal_check(fd, add, &sum, &report, &e);
	if (rc == 0 && report.segments == 0 && report.damaged == 0)
		rc = no_journal(fd, dir);
	else if (rc != 0)
		rc = admin_fail(ADMIN_OS, &e);
	(void)close(fd);
	if (rc != 0)
		return rc;
	(void)printf("%" PRIu64 " segments, %" PRIu64 " records, %" PRIu64
		     " bytes in them, %" PRIu64 " bytes of unfinished tail\n",
		     report.segments, sum.records, sum.bytes,
		     report.torn_bytes);
	if (report.damaged == 0)
		return ADMIN_OK;
	(void)err_set(&e, ERR_PERM, 0,
		      "damaged at %" PRIu64 " places, the first: %s",
		      report.damaged, report.where);
	return admin_fail(ADMIN_DATA, &e);
}

int
admin_journal_check(const struct admin_options *o, char **args)
{
	struct err e = { 0 };
	char *data = NULL, *dir = NULL;

	if (args[0] != NULL && (args[1] != NULL || o->config_file != NULL)) {
		(void)err_set(&e, ERR_PERM, 0,
			      "one directory, or --config, not both");
		return admin_fail(ADMIN_USAGE, &e);
	}
	if (args[0] != NULL)
		return check(args[0]);
	if (admin_config_data_dir(o->config_file, &data, &e) != 0)
		return admin_fail(
		    e.sys == ENOENT ? ADMIN_NO_INPUT : ADMIN_CONFIG, &e);
	int n = asprintf(&dir, "%s/journal", data);
	free(data);
	if (n < 0) {
		(void)err_set(&e, ERR_TEMP, ENOMEM, "journal");
		return admin_fail(ADMIN_TEMP, &e);
	}
	int status = check(dir);
	free(dir);
	return status;
}
