#include "tests/unit/net/issue.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void
must(int ok)
{
	if (!ok) {
		(void)fprintf(stderr, "cannot make a certificate\n");
		abort();
	}
}

static void
must_equal(int got, int want)
{
	must(got == want);
}

static FILE *
open_in(const char *dir, const char *stem, const char *suffix, const char *mode)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s%s", dir, stem, suffix);
	FILE *f = fopen(path, mode);
	must(f != NULL);
	return f;
}

static void
extend(X509 *to, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, issuer, to, NULL, NULL, 0);
	X509_EXTENSION *x = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	must(x != NULL);
	must_equal(X509_add_ext(to, x, -1), 1);
	X509_EXTENSION_free(x);
}

static X509 *
read_certificate(const char *dir, const char *stem)
{
	FILE *f = open_in(dir, stem, ".crt", "r");
	X509 *x = PEM_read_X509(f, NULL, NULL, NULL);

	(void)fclose(f);
	must(x != NULL);
	return x;
}

static void
write_pair(const char *dir, const char *stem, X509 *x, EVP_PKEY *key)
{
	FILE *f = open_in(dir, stem, ".crt", "w");
	must_equal(PEM_write_X509(f, x), 1);
	must_equal(fclose(f), 0);
	f = open_in(dir, stem, ".key", "w");
	must_equal(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
	must_equal(fclose(f), 0);
}

void
issue(const char *dir, const char *stem, const struct issue *o)
{
	static long serial = 1;
	EVP_PKEY *key = EVP_EC_gen("P-256"), *signer = key;
	X509 *x = X509_new(), *issuer = x;
	int to_days = o->to_days == 0 ? 30 : o->to_days;

	must(key != NULL);
	must(x != NULL);
	if (o->issuer != NULL) {
		issuer = read_certificate(dir, o->issuer);
		FILE *f = open_in(dir, o->issuer, ".key", "r");
		signer = PEM_read_PrivateKey(f, NULL, NULL, NULL);
		(void)fclose(f);
		must(signer != NULL);
	}
	(void)X509_set_version(x, 2);
	(void)ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
	(void)X509_time_adj_ex(X509_getm_notBefore(x), o->from_days, -60, NULL);
	(void)X509_time_adj_ex(X509_getm_notAfter(x), to_days, 0, NULL);
	(void)X509_set_pubkey(x, key);
	must_equal(X509_NAME_add_entry_by_txt(
		       X509_get_subject_name(x), "CN", MBSTRING_UTF8,
		       (const unsigned char *)o->common_name, -1, -1, 0),
		   1);
	(void)X509_set_issuer_name(x, X509_get_subject_name(issuer));
	if (o->is_issuer)
		extend(x, issuer, NID_basic_constraints, "critical,CA:TRUE");
	if (o->names != NULL)
		extend(x, issuer, NID_subject_alt_name, o->names);
	must(X509_sign(x, signer, EVP_sha256()) > 0);
	write_pair(dir, stem, x, key);
	if (issuer != x) {
		X509_free(issuer);
		EVP_PKEY_free(signer);
	}
	X509_free(x);
	EVP_PKEY_free(key);
}

void
issue_append(const char *dir, const char *stem, const char *issuer)
{
	X509 *x = read_certificate(dir, issuer);
	FILE *f = open_in(dir, stem, ".crt", "a");

	must_equal(PEM_write_X509(f, x), 1);
	must_equal(fclose(f), 0);
	X509_free(x);
}

void
issue_digest(const char *dir, const char *stem, int whole, uint8_t out[32])
{
	X509 *x = read_certificate(dir, stem);
	unsigned char *der = NULL;
	int n = whole ? i2d_X509(x, &der)
		      : i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);

	must(n > 0);
	must_equal(EVP_Digest(der, (size_t)n, out, NULL, EVP_sha256(), NULL),
		   1);
	OPENSSL_free(der);
	X509_free(x);
}

struct tls_server *
issue_server(const char *service)
{
	static const struct issue mx = { .common_name = "mx.test",
					 .names = "DNS:mx.test" };
	char dir[] = "/tmp/issue.XXXXXX", certificate[64], key[64];
	struct tls_certificate one = { NULL, certificate, key };
	struct tls_server_options o = { .service = service,
					.certificates = &one,
					.n_certificates = 1 };
	struct tls_server *s = NULL;
	struct err e;

	must(mkdtemp(dir) != NULL);
	issue(dir, "mx", &mx);
	(void)snprintf(certificate, sizeof(certificate), "%s/mx.crt", dir);
	(void)snprintf(key, sizeof(key), "%s/mx.key", dir);
	must(tls_server_new(&s, &o, &e) == 0);
	(void)unlink(certificate);
	(void)unlink(key);
	(void)rmdir(dir);
	return s;
}
