#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/admin.h"
#include "admin/admin_json.h"
#include "base/clock.h"
#include "base/durable.h"
#include "mail/address.h"

/*
 * postpair-admin cert ca, host, user, renew.  A directory holds ca.crt and
 * ca.key, and for each host or user NAME.crt and NAME.key; nothing there is
 * overwritten without --force.
 */
enum {
	DAY = 24 * 3600,
	CA_DAYS = 3650,
	/* The most that Apple's programs take of an authority which somebody
	 * has added himself (support.apple.com/103769; the shorter limits are
	 * for those that come with the system). */
	DAYS = 825,
	CLOCK_SLACK = 3600, /* a client's clock may be behind */
	PEM_BYTES = 64 * 1024,
	PATH_BYTES = 2048,
};

#define CA_NAME "postpair private CA"

struct files {
	const char *dir;
	int fd; /* of the directory, locked */
	char cert_path[PATH_BYTES], key_path[PATH_BYTES];
	const char *cert, *key; /* the names alone, in the paths */
};

static int
no_authority(const struct files *f, struct err *e)
{
	(void)err_set(e, ERR_TEMP, 0,
		      "there is no authority in %s; first: postpair-admin cert "
		      "ca --dir=%s",
		      f->dir, f->dir);
	e->sys = ENOENT;
	return -1;
}

static int
open_files(struct files *f, const struct admin_options *o, bool create,
	   const char *stem, struct err *e)
{
	f->dir = o->dir != NULL ? o->dir : ADMIN_CERT_DIR;
	int n = snprintf(f->cert_path, PATH_BYTES, "%s/%s.crt", f->dir, stem);
	if (n < 0 || n >= PATH_BYTES)
		return err_set(e, ERR_PERM, 0, "the path is too long");
	(void)snprintf(f->key_path, PATH_BYTES, "%s/%s.key", f->dir, stem);
	f->cert = f->cert_path + strlen(f->dir) + 1;
	f->key = f->key_path + strlen(f->dir) + 1;
	f->fd = durable_open_dir(AT_FDCWD, f->dir, create, e);
	if (f->fd < 0)
		return !create && e->sys == ENOENT ? no_authority(f, e) : -1;
	if (flock(f->fd, LOCK_EX) == 0)
		return 0;
	return err_set(e, ERR_TEMP, errno, "cannot lock %s", f->dir);
}

/* -1 (PERM) when there is one already. */
static int
refuse_existing(const struct files *f, struct err *e)
{
	const char *const names[] = { f->cert, f->key };

	for (size_t i = 0; i < 2; i++)
		if (faccessat(f->fd, names[i], F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			return err_set(e, ERR_PERM, 0,
				       "%s/%s is there already; --force makes "
				       "a new one",
				       f->dir, names[i]);
	return 0;
}

/* The key first: with a certificate alone a server cannot do anything. */
static int
store(const struct files *f, const struct buf *cert, const struct buf *key,
      struct err *e)
{
	if (durable_replace(f->fd, f->key, buf_span(key), 0600, e) != 0)
		return -1;
	return durable_replace(f->fd, f->cert, buf_span(cert), 0644, e);
}

struct made {
	const struct files *files;
	bool json;
	const char *done; /* "made" */
};

static void
say_made(void *ctx, const struct tls_cert_info *info)
{
	const struct made *m = ctx;
	const struct files *f = m->files;
	char until[32];
	struct err e;

	if (m->json) {
		(void)admin_json_cert(f->cert_path, f->key_path, info, stdout,
				      &e);
		return;
	}
	clock_utc_text(info->not_after * 1000000, until, sizeof(until));
	(void)printf("%s %s (%s): ", m->done, f->cert_path, f->key);
	if (info->n_names == 0)
		(void)printf("%s, ", info->subject);
	for (size_t i = 0; i < info->n_names; i++)
		(void)printf("%s%s ", info->names[i],
			     i + 1 < info->n_names ? "" : ",");
	(void)printf("until %.10s\n", until);
}

static int
failed(const struct err *e)
{
	if (e->class == ERR_PERM)
		return admin_fail(ADMIN_DATA, e);
	if (e->sys == ENOENT)
		return admin_fail(ADMIN_NO_INPUT, e);
	return admin_fail(ADMIN_OS, e);
}

static void
set_dates(const struct admin_options *o, struct tls_cert_request *r)
{
	int64_t days = r->use == TLS_CERT_CA ? CA_DAYS : DAYS;

	if (o->days != 0)
		days = o->days;
	/* RFC 5280 4.1.2.5: both ends belong to it, so a day has one second
	 * less. */
	if (days > 0) {
		r->not_before = clock_wall_s() - CLOCK_SLACK;
		r->not_after = r->not_before + days * DAY - 1;
	} else {
		r->not_after = clock_wall_s() + days * DAY;
		r->not_before = r->not_after - DAY + 1;
	}
}

static int
make_into(const struct files *f, const struct admin_options *o,
	  struct tls_cert_request *r, struct err *e)
{
	struct made made = { .files = f, .json = o->json, .done = "made" };
	struct buf cert, key;
	int rc = -1;

	set_dates(o, r);
	buf_init(&cert, PEM_BYTES);
	buf_init(&key, PEM_BYTES);
	if (tls_cert_make(r, &cert, &key, e) == 0 &&
	    store(f, &cert, &key, e) == 0)
		rc = tls_cert_read(buf_span(&cert), say_made, &made, e) == 1
			 ? 0
			 : -1;
	if (key.p != NULL)
		explicit_bzero(key.p, key.cap);
	buf_free(&key);
	buf_free(&cert);
	return rc;
}

/* Who signs; *key_text is wiped by the caller. */
static int
read_ca(const struct files *f, char **cert, char **key,
	struct tls_cert_request *r, struct err *e)
{
	if (durable_read_file(f->fd, "ca.crt", TLS_CERT_PEM_MAX, cert,
			      &r->ca_cert.n, e) != 0 ||
	    durable_read_file(f->fd, "ca.key", TLS_CERT_PEM_MAX, key,
			      &r->ca_key.n, e) != 0) {
		if (e->sys != ENOENT)
			return err_prefix(e, "%s", f->dir);
		return no_authority(f, e);
	}
	r->ca_cert.p = *cert;
	r->ca_key.p = *key;
	return 0;
}

static void
wipe(char *secret, size_t n)
{
	if (secret != NULL)
		explicit_bzero(secret, n);
	free(secret);
}

static int
make(const struct admin_options *o, struct tls_cert_request *r,
     const char *stem)
{
	char *ca_cert = NULL, *ca_key = NULL;
	struct files f = { .fd = -1 };
	struct err e = { 0 };
	bool ca = r->use == TLS_CERT_CA;
	int status = ADMIN_OK;

	if (open_files(&f, o, ca, stem, &e) != 0 ||
	    (!o->force && refuse_existing(&f, &e) != 0) ||
	    (!ca && read_ca(&f, &ca_cert, &ca_key, r, &e) != 0) ||
	    make_into(&f, o, r, &e) != 0)
		status = failed(&e);
	wipe(ca_key, r->ca_key.n);
	free(ca_cert);
	if (f.fd >= 0)
		(void)close(f.fd);
	return status;
}

int
admin_cert_ca(const struct admin_options *o, char **args)
{
	struct tls_cert_request r = { .use = TLS_CERT_CA };
	struct err e;

	(void)args;
	r.common_name = o->name != NULL ? o->name : CA_NAME;
	size_t n = strlen(r.common_name);
	if (n == 0 || n > 64) { /* RFC 5280 appendix A, ub-common-name */
		(void)err_set(&e, ERR_PERM, 0,
			      "the name of an authority is 1 to 64 bytes");
		return admin_fail(ADMIN_USAGE, &e);
	}
	return make(o, &r, "ca");
}

/* A file name: nothing in it hides the file or leaves the directory. */
static void
stem_of(const char *name, char *stem, size_t size)
{
	(void)snprintf(stem, size, "%s", name);
	for (char *s = stem; *s != '\0'; s++)
		if (!isalnum((unsigned char)*s) && strchr("@.:_+-", *s) == NULL)
			*s = '_';
	if (stem[0] == '.' || stem[0] == '-')
		stem[0] = '_';
}

/* The name as a certificate has it: an IP address, or a DNS name in A-labels,
 * perhaps "*." and one. */
static int
host_name(const char *text, char name[ADDRESS_SIZE], struct err *e)
{
	unsigned char ip[16];
	bool any = strncmp(text, "*.", 2) == 0;
	struct address a = { .local = span_of("x"),
			     .domain = span_of(any ? text + 2 : text) };
	char canonical[ADDRESS_SIZE];

	if (inet_pton(AF_INET, text, ip) == 1 ||
	    inet_pton(AF_INET6, text, ip) == 1)
		return span_copy(span_of(text), name, ADDRESS_SIZE);
	if (!address_domain_is_valid(a.domain, true) || a.domain.p[0] == '[' ||
	    address_canonical(&a, canonical) != 0)
		return err_set(e, ERR_PERM, 0,
			       "'%s' is neither a host name nor an IP address",
			       text);
	(void)snprintf(name, ADDRESS_SIZE, "%s%s", any ? "*." : "",
		       canonical + 2);
	return 0;
}

static int
host_names(char **args, char (*names)[ADDRESS_SIZE], const char **list,
	   size_t *n, struct err *e)
{
	for (; args[*n] != NULL; ++*n) {
		if (*n == TLS_CERT_NAMES_MAX)
			return err_set(e, ERR_PERM, 0, "more than %d names",
				       TLS_CERT_NAMES_MAX);
		if (host_name(args[*n], names[*n], e) != 0)
			return -1;
		list[*n] = names[*n];
	}
	return 0;
}

int
admin_cert_host(const struct admin_options *o, char **args)
{
	char(*names)[ADDRESS_SIZE] = calloc(TLS_CERT_NAMES_MAX, sizeof(*names));
	const char *list[TLS_CERT_NAMES_MAX] = { NULL };
	struct tls_cert_request r = { .use = TLS_CERT_HOST, .names = list };
	char stem[ADDRESS_SIZE];
	struct err e = { 0 };
	int status;

	if (names == NULL) {
		(void)err_set(&e, ERR_TEMP, ENOMEM, "certificate");
		return admin_fail(ADMIN_OS, &e);
	}
	if (host_names(args, names, list, &r.n_names, &e) != 0) {
		status = admin_fail(ADMIN_DATA, &e);
	} else {
		r.common_name = list[0];
		stem_of(list[0], stem, sizeof(stem));
		status = make(o, &r, stem);
	}
	free(names);
	return status;
}

int
admin_cert_user(const struct admin_options *o, char **args)
{
	char address[ADDRESS_SIZE], stem[ADDRESS_SIZE];
	const char *list[1] = { address };
	struct tls_cert_request r = { .use = TLS_CERT_USER,
				      .common_name = address,
				      .names = list,
				      .n_names = 1 };
	struct address a;
	struct err e = { 0 };

	/* RFC 5280 4.2.1.6: rfc822Name is ASCII. */
	if (address_parse_mailbox(span_of(args[0]), 0, &a, &e) != 0 ||
	    address_canonical(&a, address) != 0) {
		(void)err_prefix(&e, "'%s'", args[0]);
		return admin_fail(ADMIN_DATA, &e);
	}
	stem_of(address, stem, sizeof(stem));
	return make(o, &r, stem);
}

/* ---- renew -----------------------------------------------------------------
 */

/* The certificate and the key that live on; *key is wiped by the caller. */
static int
read_old(const struct files *f, char **cert, char **key,
	 struct tls_cert_request *r, struct err *e)
{
	if (durable_read_file(f->fd, f->cert, TLS_CERT_PEM_MAX, cert, &r->old.n,
			      e) != 0 ||
	    durable_read_file(f->fd, f->key, TLS_CERT_PEM_MAX, key, &r->key.n,
			      e) != 0)
		return err_prefix(e, "%s", f->dir);
	r->old.p = *cert;
	r->key.p = *key;
	return 0;
}

static int
renew_into(const struct files *f, const struct admin_options *o,
	   struct tls_cert_request *r, struct err *e)
{
	struct made made = { .files = f, .json = o->json, .done = "renewed" };
	struct buf cert;
	int rc = -1;

	set_dates(o, r);
	buf_init(&cert, PEM_BYTES);
	if (tls_cert_renew(r, &cert, e) != 0)
		(void)err_prefix(e, "%s", f->cert_path);
	else if (durable_replace(f->fd, f->cert, buf_span(&cert), 0644, e) == 0)
		rc = tls_cert_read(buf_span(&cert), say_made, &made, e) == 1
			 ? 0
			 : -1;
	buf_free(&cert);
	return rc;
}

static int
renew(const struct admin_options *o, const char *stem)
{
	char *ca_cert = NULL, *ca_key = NULL, *cert = NULL, *key = NULL;
	struct tls_cert_request r = { .use = TLS_CERT_HOST };
	struct files f = { .fd = -1 };
	struct err e = { 0 };
	int status = ADMIN_OK;

	if (strcmp(stem, "ca") == 0)
		r.use = TLS_CERT_CA;
	if (open_files(&f, o, false, stem, &e) != 0 ||
	    read_old(&f, &cert, &key, &r, &e) != 0 ||
	    (r.use != TLS_CERT_CA &&
	     read_ca(&f, &ca_cert, &ca_key, &r, &e) != 0) ||
	    renew_into(&f, o, &r, &e) != 0)
		status = failed(&e);
	wipe(ca_key, r.ca_key.n);
	wipe(key, r.key.n);
	free(ca_cert);
	free(cert);
	if (f.fd >= 0)
		(void)close(f.fd);
	return status;
}

int
admin_cert_renew(const struct admin_options *o, char **args)
{
	char stem[ADDRESS_SIZE];
	int status = ADMIN_OK;

	for (; *args != NULL && status == ADMIN_OK; args++) {
		stem_of(*args, stem, sizeof(stem));
		status = renew(o, stem);
	}
	return status;
}
