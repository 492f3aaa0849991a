#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/admin.h"
#include "admin/admin_json.h"
#include "base/clock.h"
#include "base/durable.h"
#include "base/secret.h"
#include "base/visible.h"

/* postpair-admin cert show and check. */
enum { DAY = 24 * 3600, PATH_BYTES = 4096 };

static int
file_failed(const struct err *e)
{
	return admin_fail(e->sys == ENOENT ? ADMIN_NO_INPUT
			  : e->sys != 0    ? ADMIN_OS
					   : ADMIN_DATA,
			  e);
}

/* ---- show ------------------------------------------------------------------
 */

struct shown {
	const char *file;
	bool json;
	size_t n;
};

static void
print_names(const struct tls_cert_info *info)
{
	(void)printf("names     ");
	for (size_t i = 0; i < info->n_names; i++)
		(void)printf(" %s", info->names[i]);
	(void)printf("%s\n", info->n_names == 0 ? " none" : "");
}

static void
print_dates(const struct tls_cert_info *info)
{
	int64_t left = info->not_after - clock_wall_s();
	char from[32], to[32];

	clock_utc_text(info->not_before * 1000000, from, sizeof(from));
	clock_utc_text(info->not_after * 1000000, to, sizeof(to));
	(void)printf("valid      %.10s to %.10s, ", from, to);
	if (left < 0)
		(void)printf("over for %" PRId64 " days\n", -left / DAY);
	else if (info->not_before > clock_wall_s())
		(void)printf("not yet\n");
	else
		(void)printf("%" PRId64 " days left\n", left / DAY);
}

/* Whoever made the certificate chose it. */
static void
print_text(const char *key, const char *text)
{
	(void)printf("%-10s ", key);
	visible_print(stdout, span_of(text));
	(void)putchar('\n');
}

static void
show(void *ctx, const struct tls_cert_info *info)
{
	struct shown *s = ctx;
	struct err e;

	if (s->json) {
		(void)admin_json_cert(s->file, NULL, info, stdout, &e);
		return;
	}
	(void)printf("%sfile       %s\n", s->n++ > 0 ? "\n" : "", s->file);
	print_text("subject", info->subject);
	print_text("issuer", info->issuer);
	print_names(info);
	print_dates(info);
	(void)printf("for       %s%s%s\n", info->is_ca ? " signing" : "",
		     info->for_server ? " servers" : "",
		     info->for_client ? " clients" : "");
	(void)printf("key        %s\n", info->key);
	(void)printf("serial     %s\n", info->serial);
	(void)printf("SHA-256    %s\n", info->sha256);
	(void)printf("pin        %s\n", info->pin);
	(void)printf("TLSA       %s\n", info->tlsa);
}

int
admin_cert_show(const struct admin_options *o, char **args)
{
	struct shown s = { .json = o->json };
	struct err e = { 0 };

	for (; *args != NULL; args++) {
		struct span pem;
		char *text = NULL;
		s.file = *args;
		if (durable_read_file(AT_FDCWD, *args, TLS_CERT_PEM_MAX, &text,
				      &pem.n, &e) != 0)
			return file_failed(&e);
		pem.p = text;
		int n = tls_cert_read(pem, show, &s, &e);
		free(text);
		if (n < 0) {
			(void)err_prefix(&e, "%s", *args);
			return admin_fail(ADMIN_DATA, &e);
		}
	}
	return ADMIN_OK;
}

/* ---- check -----------------------------------------------------------------
 */

/* "dir/x.crt" -> "dir/NAME", or with NAME ".key": "dir/x.key". */
static int
beside(const char *path, const char *name, char out[PATH_BYTES])
{
	const char *slash = strrchr(path, '/');
	size_t keep = slash == NULL ? 0 : (size_t)(slash - path) + 1;
	const char *dot = strrchr(path + keep, '.');

	if (name[0] == '.')
		keep = dot == NULL ? strlen(path) : (size_t)(dot - path);
	int n = snprintf(out, PATH_BYTES, "%.*s%s", (int)keep, path, name);
	return n > 0 && n < PATH_BYTES ? 0 : -1;
}

/* The file beside `path`; one that is not there is empty. */
static int
read_beside(const char *path, const char *name, bool secret, char **text,
	    struct span *s, struct err *e)
{
	char other[PATH_BYTES];
	struct stat st;

	*text = NULL;
	*s = span_of("");
	if (beside(path, name, other) != 0 || stat(other, &st) != 0)
		return 0;
	if (secret && secret_check(other, e) != 0)
		return -1;
	if (durable_read_file(AT_FDCWD, other, TLS_CERT_PEM_MAX, text, &s->n,
			      e) != 0)
		return -1;
	s->p = *text;
	return 0;
}

static void
note_end(void *ctx, const struct tls_cert_info *info)
{
	int64_t *least = ctx;

	if (info->not_after < *least)
		*least = info->not_after;
}

/* *left: days until the first of the certificates in the file is over. */
static int
check_file(const char *path, const struct admin_options *o, int64_t *left,
	   struct err *e)
{
	char *text = NULL, *ca_text = NULL, *key_text = NULL;
	struct span pem = { 0 }, ca, key;
	int64_t now = clock_wall_s(), end = INT64_MAX;
	int rc = -1;

	if (durable_read_file(AT_FDCWD, path, TLS_CERT_PEM_MAX, &text, &pem.n,
			      e) != 0)
		return -1;
	pem.p = text;
	if (read_beside(path, "ca.crt", false, &ca_text, &ca, e) == 0 &&
	    read_beside(path, ".key", true, &key_text, &key, e) == 0 &&
	    tls_cert_check(pem, ca, key, now, e) == 0 &&
	    tls_cert_read(pem, note_end, &end, e) > 0)
		rc = 0;
	*left = (end - now) / DAY;
	if (rc == 0 && o->days > 0 && *left < o->days)
		rc = err_set(e, ERR_PERM, 0, "only %" PRId64 " days left",
			     *left);
	if (key_text != NULL)
		explicit_bzero(key_text, key.n);
	free(key_text);
	free(ca_text);
	free(text);
	return rc;
}

static int
check_one(const char *path, const struct admin_options *o)
{
	struct err e = { 0 };
	int64_t left = 0;

	int rc = check_file(path, o, &left, &e);
	if (o->json) {
		struct err output;
		(void)admin_json_check(path, rc == 0 ? NULL : e.msg, stdout,
				       &output);
		return rc == 0 ? ADMIN_OK : ADMIN_DATA;
	}
	if (rc == 0) {
		(void)printf("%s: right, %" PRId64 " days left\n", path, left);
		return ADMIN_OK;
	}
	if (e.sys == 0 || strstr(e.msg, path) == NULL)
		(void)err_prefix(&e, "%s", path);
	return file_failed(&e);
}

static int
is_certificate(const struct dirent *d)
{
	const char *dot = strrchr(d->d_name, '.');

	return dot != NULL && dot != d->d_name && strcmp(dot, ".crt") == 0;
}

static int
check_directory(const struct admin_options *o)
{
	const char *dir = o->dir != NULL ? o->dir : ADMIN_CERT_DIR;
	struct dirent **list = NULL;
	char path[PATH_BYTES];
	int status = ADMIN_OK;
	struct err e;

	int n = scandir(dir, &list, is_certificate, alphasort);
	if (n <= 0) {
		(void)err_set(&e, ERR_TEMP, n < 0 ? errno : 0,
			      n < 0 ? "cannot read %s" : "no certificate in %s",
			      dir);
		free(list);
		return file_failed(&e);
	}
	for (int i = 0; i < n; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir,
			       list[i]->d_name);
		int one = check_one(path, o);
		status = status == ADMIN_OK ? one : status;
		free(list[i]);
	}
	free(list);
	return status;
}

int
admin_cert_check(const struct admin_options *o, char **args)
{
	int status = ADMIN_OK;

	if (args[0] == NULL)
		return check_directory(o);
	for (; *args != NULL; args++) {
		int one = check_one(*args, o);
		status = status == ADMIN_OK ? one : status;
	}
	return status;
}
