#include "net/tls_cert.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/rand.h"
#include "net/tls_cert_private.h"

/*
 * Making certificates.  What goes in follows RFC 5280 and what programs have
 * come to insist on: names only in subjectAltName (RFC 9525 2), a random serial
 * number, SHA-256, and the use stated, so that no host certificate can sign
 * and no user's certificate can serve.
 */
enum {
	SERIAL_BYTES = 16,    /* RFC 5280 4.1.2.2: at most 20, positive */
	COMMON_NAME_MAX = 64, /* RFC 5280 appendix A, ub-common-name */
};

int
tls_cert_failed(struct err *e, enum err_class class, const char *what)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = ERR_reason_error_string(code);

	ERR_clear_error();
	return err_set(e, class, 0, "%s%s%s", what, reason == NULL ? "" : ": ",
		       reason == NULL ? "" : reason);
}

static int
out_of_memory(struct err *e)
{
	return tls_cert_failed(e, ERR_TEMP, "cannot make a certificate");
}

/* ---- PEM in and out -------------------------------------------------------
 */

/* A key with a password would be asked for on the terminal: never. */
static int
no_password(char *text, int size, int writing, void *ctx)
{
	(void)text;
	(void)size;
	(void)writing;
	(void)ctx;
	return -1;
}

EVP_PKEY *
tls_cert_key_of(struct span pem, struct err *e)
{
	BIO *b = BIO_new_mem_buf(pem.p, (int)pem.n);
	EVP_PKEY *key =
	    b == NULL ? NULL
		      : PEM_read_bio_PrivateKey(b, NULL, no_password, NULL);

	BIO_free(b);
	if (key == NULL)
		(void)tls_cert_failed(e, ERR_PERM, "no private key");
	return key;
}

static X509 *
tls_cert_first_of(struct span pem, struct err *e)
{
	BIO *b = BIO_new_mem_buf(pem.p, (int)pem.n);
	X509 *x =
	    b == NULL ? NULL : PEM_read_bio_X509(b, NULL, no_password, NULL);

	BIO_free(b);
	if (x == NULL)
		(void)tls_cert_failed(e, ERR_PERM, "no certificate");
	return x;
}

/* All that was written into memory `b`; frees it. */
static int
take_pem(BIO *b, int written, struct buf *out, struct err *e)
{
	char *p = NULL;
	long n = b == NULL || written != 1 ? 0 : BIO_get_mem_data(b, &p);
	int rc = 0;

	if (n <= 0 || buf_add(out, p, (size_t)n) != 0)
		rc = out_of_memory(e);
	BIO_free(b);
	return rc;
}

/* ---- what a certificate says ----------------------------------------------
 */

static int
add_extension(X509 *x, X509 *issuer, int nid, const char *value, struct err *e)
{
	X509V3_CTX ctx;
	int rc = 0;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	X509V3_set_ctx_nodb(&ctx);
	X509_EXTENSION *ext = X509V3_EXT_nconf_nid(NULL, &ctx, nid, value);
	if (ext == NULL || X509_add_ext(x, ext, -1) != 1)
		rc = out_of_memory(e);
	X509_EXTENSION_free(ext);
	return rc;
}

/* RFC 5280 4.2.1.3, 4.2.1.9, 4.2.1.12.  An EC key only signs. */
static int
add_uses(X509 *x, X509 *issuer, enum tls_cert_use use, struct err *e)
{
	static const char *const basic[] = {
		[TLS_CERT_CA] = "critical,CA:TRUE,pathlen:0",
		[TLS_CERT_HOST] = "critical,CA:FALSE",
		[TLS_CERT_USER] = "critical,CA:FALSE",
	};
	static const char *const usage[] = {
		[TLS_CERT_CA] = "critical,keyCertSign,cRLSign",
		[TLS_CERT_HOST] = "critical,digitalSignature",
		[TLS_CERT_USER] = "critical,digitalSignature",
	};
	static const char *const extended[] = {
		[TLS_CERT_HOST] = "serverAuth",
		[TLS_CERT_USER] = "clientAuth",
	};

	if (add_extension(x, issuer, NID_basic_constraints, basic[use], e) !=
		0 ||
	    add_extension(x, issuer, NID_key_usage, usage[use], e) != 0 ||
	    add_extension(x, issuer, NID_subject_key_identifier, "hash", e) !=
		0)
		return -1;
	if (use == TLS_CERT_CA)
		return 0;
	if (add_extension(x, issuer, NID_authority_key_identifier,
			  "keyid:always", e) != 0)
		return -1;
	return add_extension(x, issuer, NID_ext_key_usage, extended[use], e);
}

/* One subjectAltName (RFC 5280 4.2.1.6).  Built by hand: in the library's own
 * text form a name with a comma would be two. */
static GENERAL_NAME *
general_name(enum tls_cert_use use, const char *name)
{
	unsigned char ip[16];
	int n = inet_pton(AF_INET, name, ip) == 1    ? 4
		: inet_pton(AF_INET6, name, ip) == 1 ? 16
						     : 0;
	bool is_ip = use == TLS_CERT_HOST && n > 0;
	GENERAL_NAME *g = GENERAL_NAME_new();
	ASN1_STRING *s = ASN1_STRING_type_new(is_ip ? V_ASN1_OCTET_STRING
						    : V_ASN1_IA5STRING);

	if (g == NULL || s == NULL ||
	    ASN1_STRING_set(s, is_ip ? (const void *)ip : name,
			    is_ip ? n : (int)strlen(name)) != 1) {
		ASN1_STRING_free(s);
		GENERAL_NAME_free(g);
		return NULL;
	}
	GENERAL_NAME_set0_value(g,
				is_ip                  ? GEN_IPADD
				: use == TLS_CERT_USER ? GEN_EMAIL
						       : GEN_DNS,
				s);
	return g;
}

static int
add_names(X509 *x, const struct tls_cert_request *r, bool critical,
	  struct err *e)
{
	GENERAL_NAMES *all = GENERAL_NAMES_new();
	int rc = all == NULL ? -1 : 0;

	for (size_t i = 0; i < r->n_names && rc == 0; i++) {
		GENERAL_NAME *g = general_name(r->use, r->names[i]);
		if (g == NULL || sk_GENERAL_NAME_push(all, g) == 0) {
			GENERAL_NAME_free(g);
			rc = -1;
		}
	}
	if (rc == 0 && X509_add1_ext_i2d(x, NID_subject_alt_name, all, critical,
					 X509V3_ADD_DEFAULT) != 1)
		rc = -1;
	GENERAL_NAMES_free(all);
	return rc == 0 ? 0 : out_of_memory(e);
}

static int
set_serial(X509 *x)
{
	unsigned char bytes[SERIAL_BYTES];

	rand_bytes(bytes, sizeof(bytes));
	bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40);
	BIGNUM *n = BN_bin2bn(bytes, sizeof(bytes), NULL);
	int ok = n != NULL &&
		 BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x)) != NULL;
	BN_free(n);
	return ok ? 0 : -1;
}

static int
set_dates(X509 *x, const struct tls_cert_request *r)
{
	time_t from = (time_t)r->not_before, to = (time_t)r->not_after;

	return ASN1_TIME_set(X509_getm_notBefore(x), from) != NULL &&
		       ASN1_TIME_set(X509_getm_notAfter(x), to) != NULL
		   ? 0
		   : -1;
}

static int
set_head(X509 *x, const struct tls_cert_request *r, bool named, X509 *issuer,
	 EVP_PKEY *key)
{
	X509_NAME *subject = X509_get_subject_name(x);
	const unsigned char *cn = (const unsigned char *)r->common_name;

	if (X509_set_version(x, X509_VERSION_3) != 1 || set_serial(x) != 0 ||
	    set_dates(x, r) != 0 || X509_set_pubkey(x, key) != 1)
		return -1;
	if (named &&
	    X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8,
				       cn, -1, -1, 0) != 1)
		return -1;
	return X509_set_issuer_name(x, X509_get_subject_name(issuer)) == 1 ? 0
									   : -1;
}

static int
fill(X509 *x, const struct tls_cert_request *r, X509 *issuer, EVP_PKEY *key,
     struct err *e)
{
	bool named = strlen(r->common_name) <= COMMON_NAME_MAX;

	if (set_head(x, r, named, issuer, key) != 0)
		return out_of_memory(e);
	if (add_uses(x, issuer, r->use, e) != 0)
		return -1;
	/* Without a subject the names must be critical (4.2.1.6). */
	return r->n_names == 0 ? 0 : add_names(x, r, !named, e);
}

/* The authority's certificate and key; they must belong together. */
static int
read_authority(const struct tls_cert_request *r, X509 **cert, EVP_PKEY **key,
	       struct err *e)
{
	*cert = tls_cert_first_of(r->ca_cert, e);
	if (*cert == NULL)
		return -1;
	*key = tls_cert_key_of(r->ca_key, e);
	if (*key == NULL)
		return -1;
	if (X509_check_ca(*cert) != 1)
		return err_set(e, ERR_PERM, 0,
			       "the certificate is not an authority's");
	if (X509_check_private_key(*cert, *key) != 1)
		return tls_cert_failed(e, ERR_PERM,
				       "the authority's key is not that of its "
				       "certificate");
	return 0;
}

/* Sign, and the PEM of it. */
static int
sign(X509 *x, EVP_PKEY *key, struct buf *out, struct err *e)
{
	if (X509_sign(x, key, EVP_sha256()) == 0)
		return out_of_memory(e);
	BIO *b = BIO_new(BIO_s_mem());
	return take_pem(b, b == NULL ? 0 : PEM_write_bio_X509(b, x), out, e);
}

int
tls_cert_make(const struct tls_cert_request *r, struct buf *cert,
	      struct buf *key_out, struct err *e)
{
	EVP_PKEY *key = NULL, *ca_key = NULL;
	X509 *x = NULL, *ca = NULL;
	int rc = -1;

	if (r->n_names > TLS_CERT_NAMES_MAX)
		return err_set(e, ERR_PERM, 0, "more than %d names",
			       TLS_CERT_NAMES_MAX);
	if (r->use != TLS_CERT_CA && read_authority(r, &ca, &ca_key, e) != 0)
		goto out;
	key = EVP_EC_gen("P-256");
	x = X509_new();
	if (key == NULL || x == NULL) {
		(void)out_of_memory(e);
		goto out;
	}
	if (fill(x, r, ca == NULL ? x : ca, key, e) != 0)
		goto out;
	if (sign(x, ca_key == NULL ? key : ca_key, cert, e) != 0)
		goto out;
	BIO *b = BIO_new(BIO_s_secmem());
	rc = take_pem(b,
		      b == NULL ? 0
				: PEM_write_bio_PKCS8PrivateKey(
				      b, key, NULL, NULL, 0, NULL, NULL),
		      key_out, e);
out:
	X509_free(x);
	X509_free(ca);
	EVP_PKEY_free(key);
	EVP_PKEY_free(ca_key);
	return rc;
}

/* The authority may have another key by now. */
static int
change_authority(X509 *x, X509 *ca, struct err *e)
{
	const int nid = NID_authority_key_identifier;

	if (X509_NAME_cmp(X509_get_issuer_name(x), X509_get_subject_name(ca)) !=
	    0)
		return err_set(e, ERR_PERM, 0,
			       "another authority has made the certificate");
	X509_EXTENSION_free(
	    X509_delete_ext(x, X509_get_ext_by_NID(x, nid, -1)));
	return add_extension(x, ca, nid, "keyid:always", e);
}

static int
renew(X509 *x, EVP_PKEY *key, const struct tls_cert_request *r, struct buf *out,
      struct err *e)
{
	EVP_PKEY *ca_key = NULL;
	X509 *ca = NULL;
	int rc = -1;

	if (X509_check_private_key(x, key) != 1)
		(void)tls_cert_failed(e, ERR_PERM,
				      "the key is not that of the certificate");
	else if (set_serial(x) != 0 || set_dates(x, r) != 0)
		(void)out_of_memory(e);
	else if (r->use == TLS_CERT_CA)
		rc = sign(x, key, out, e);
	else if (read_authority(r, &ca, &ca_key, e) == 0 &&
		 change_authority(x, ca, e) == 0)
		rc = sign(x, ca_key, out, e);
	X509_free(ca);
	EVP_PKEY_free(ca_key);
	return rc;
}

int
tls_cert_renew(const struct tls_cert_request *r, struct buf *cert,
	       struct err *e)
{
	X509 *x = tls_cert_first_of(r->old, e);
	EVP_PKEY *key = x == NULL ? NULL : tls_cert_key_of(r->key, e);
	int rc = -1;

	if (key != NULL && (X509_check_ca(x) == 1) != (r->use == TLS_CERT_CA))
		(void)err_set(e, ERR_PERM, 0, "that is %s authority",
			      r->use == TLS_CERT_CA ? "no" : "an");
	else if (key != NULL)
		rc = renew(x, key, r, cert, e);
	X509_free(x);
	EVP_PKEY_free(key);
	return rc;
}
