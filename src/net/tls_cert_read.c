#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/tls_cert_private.h"
#include "net/tls_pin.h"

/* Showing and checking what files hold. */

enum { NAME_SIZE = 256, DIGEST_BYTES = 32 };

/* ---- showing --------------------------------------------------------------
 */

/* Text of a stranger: nothing of it moves the cursor of a terminal. */
static void
copy_text(const char *p, size_t n, char *out, size_t size)
{
	n = n < size - 1 ? n : size - 1;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];
		out[i] = p[i];
		if (c < 0x20 || c >= 0x7f)
			out[i] = '?';
	}
	out[n] = '\0';
}

static void
distinguished_name(const X509_NAME *name, char *out, size_t size)
{
	BIO *b = BIO_new(BIO_s_mem());
	char *p = NULL;

	out[0] = '\0';
	/* RFC 4514, non-ASCII as \XX */
	if (b != NULL && X509_NAME_print_ex(b, name, 0, XN_FLAG_RFC2253) >= 0) {
		long n = BIO_get_mem_data(b, &p);
		copy_text(p, n > 0 ? (size_t)n : 0, out, size);
	}
	BIO_free(b);
}

static int64_t
seconds_of(const ASN1_TIME *t)
{
	struct tm tm;

	return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

/* One of the names into out; false for the kinds that name no server and no
 * user (a directory name, say). */
static bool
name_text(const GENERAL_NAME *g, char out[NAME_SIZE])
{
	if (g->type == GEN_DNS || g->type == GEN_EMAIL) {
		const ASN1_STRING *s = g->d.ia5;
		copy_text((const char *)ASN1_STRING_get0_data(s),
			  (size_t)ASN1_STRING_length(s), out, NAME_SIZE);
		return true;
	}
	if (g->type != GEN_IPADD)
		return false;
	const ASN1_STRING *s = g->d.iPAddress;
	int n = ASN1_STRING_length(s);
	int family = n == 4 ? AF_INET : n == 16 ? AF_INET6 : AF_UNSPEC;
	return inet_ntop(family, ASN1_STRING_get0_data(s), out, NAME_SIZE) !=
	       NULL;
}

struct names {
	char text[TLS_CERT_NAMES_MAX][NAME_SIZE];
	const char *list[TLS_CERT_NAMES_MAX];
	size_t n;
};

static int
take_names(const X509 *x, struct names *names, struct err *e)
{
	GENERAL_NAMES *all =
	    X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	int rc = 0;

	for (int i = 0; i < sk_GENERAL_NAME_num(all) && rc == 0; i++) {
		if (names->n == TLS_CERT_NAMES_MAX) {
			rc = err_set(e, ERR_LIMIT, 0, "more than %d names",
				     TLS_CERT_NAMES_MAX);
		} else if (name_text(sk_GENERAL_NAME_value(all, i),
				     names->text[names->n])) {
			names->list[names->n] = names->text[names->n];
			names->n++;
		}
	}
	GENERAL_NAMES_free(all);
	return rc;
}

static void
key_text(X509 *x, char *out, size_t size)
{
	EVP_PKEY *key = X509_get0_pubkey(x);
	char group[32] = "";
	int kind = key == NULL ? EVP_PKEY_NONE : EVP_PKEY_get_base_id(key);

	if (kind == EVP_PKEY_EC &&
	    EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1)
		(void)snprintf(out, size, "EC %s",
			       strcmp(group, "prime256v1") == 0 ? "P-256"
								: group);
	else if (kind == EVP_PKEY_NONE)
		(void)snprintf(out, size, "unknown");
	else
		(void)snprintf(out, size, "%s %d", OBJ_nid2sn(kind),
			       EVP_PKEY_get_bits(key));
}

/* What pins and TLSA records compare: the SHA-256 of the public key as the
 * certificate writes it. */
static int
key_digest(const X509 *x, unsigned char digest[DIGEST_BYTES])
{
	unsigned char *der = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);
	int ok = n > 0 && EVP_Digest(der, (size_t)n, digest, NULL, EVP_sha256(),
				     NULL) == 1;

	OPENSSL_free(der);
	return ok ? 0 : -1;
}

static void
hex(const unsigned char *p, size_t n, bool colons, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < n && used + 4 <= size; i++) {
		if (colons && i > 0)
			out[used++] = ':';
		used += (size_t)snprintf(out + used, size - used,
					 colons ? "%02X" : "%02x", p[i]);
	}
}

static int
digests(const X509 *x, struct tls_cert_info *info)
{
	unsigned char d[DIGEST_BYTES];
	char text[72];

	if (X509_digest(x, EVP_sha256(), d, NULL) != 1)
		return -1;
	hex(d, sizeof(d), true, info->sha256, sizeof(info->sha256));
	if (key_digest(x, d) != 0)
		return -1;
	tls_pin_text(d, info->pin);
	hex(d, sizeof(d), false, text, sizeof(text));
	(void)snprintf(info->tlsa, sizeof(info->tlsa), "3 1 1 %s", text);
	return 0;
}

static int
describe(X509 *x, struct tls_cert_info *info, struct err *e)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(x);

	distinguished_name(X509_get_subject_name(x), info->subject,
			   sizeof(info->subject));
	distinguished_name(X509_get_issuer_name(x), info->issuer,
			   sizeof(info->issuer));
	BIGNUM *n = ASN1_INTEGER_to_BN(serial, NULL);
	char *digits = n == NULL ? NULL : BN_bn2hex(n);
	if (digits != NULL)
		copy_text(digits, strlen(digits), info->serial,
			  sizeof(info->serial));
	OPENSSL_free(digits);
	BN_free(n);
	info->not_before = seconds_of(X509_get0_notBefore(x));
	info->not_after = seconds_of(X509_get0_notAfter(x));
	info->is_ca = X509_check_ca(x) == 1;
	info->for_server =
	    X509_check_purpose(x, X509_PURPOSE_SSL_SERVER, 0) == 1;
	info->for_client =
	    X509_check_purpose(x, X509_PURPOSE_SSL_CLIENT, 0) == 1;
	key_text(x, info->key, sizeof(info->key));
	return digests(x, info) == 0
		   ? 0
		   : tls_cert_failed(e, ERR_PERM, "damaged certificate");
}

static int
show(X509 *x, tls_cert_see_fn *see, void *ctx, struct err *e)
{
	struct names *names = calloc(1, sizeof(*names));
	struct tls_cert_info info = { 0 };
	int rc = -1;

	if (names == NULL)
		return err_set(e, ERR_TEMP, 0, "out of memory");
	if (take_names(x, names, e) == 0 && describe(x, &info, e) == 0) {
		info.names = names->list;
		info.n_names = names->n;
		see(ctx, &info);
		rc = 0;
	}
	free(names);
	return rc;
}

/* Every certificate in `pem`; other blocks (a key, say) are passed over. */
static STACK_OF(X509) * all_of(struct span pem, struct err *e)
{
	STACK_OF(X509) *all = sk_X509_new_null();
	BIO *b = BIO_new_mem_buf(pem.p, (int)pem.n);
	X509 *x = NULL;
	int rc = 0;

	if (all == NULL || b == NULL)
		rc = tls_cert_failed(e, ERR_TEMP, "cannot read certificates");
	while (rc == 0 &&
	       (x = PEM_read_bio_X509(b, NULL, NULL, NULL)) != NULL) {
		if (sk_X509_num(all) >= TLS_CERT_CHAIN_MAX)
			rc = err_set(e, ERR_LIMIT, 0,
				     "more than %d certificates in one file",
				     TLS_CERT_CHAIN_MAX);
		else if (sk_X509_push(all, x) == 0)
			rc = tls_cert_failed(e, ERR_TEMP,
					     "cannot read certificates");
		if (rc != 0)
			X509_free(x);
	}
	/* "no more of them" is how the end looks */
	bool ended =
	    ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
	if (rc == 0 && (!ended || sk_X509_num(all) == 0))
		rc = tls_cert_failed(e, ERR_PERM, "no certificate");
	ERR_clear_error();
	BIO_free(b);
	if (rc == 0)
		return all;
	sk_X509_pop_free(all, X509_free);
	return NULL;
}

int
tls_cert_read(struct span pem, tls_cert_see_fn *see, void *ctx, struct err *e)
{
	STACK_OF(X509) *all = all_of(pem, e);

	if (all == NULL)
		return -1;
	int n = sk_X509_num(all), rc = 0;
	for (int i = 0; i < n && rc == 0; i++)
		rc = show(sk_X509_value(all, i), see, ctx, e);
	sk_X509_pop_free(all, X509_free);
	return rc == 0 ? n : -1;
}

/* ---- checking -------------------------------------------------------------
 */

static X509_STORE *
trusted(struct span ca, struct err *e)
{
	STACK_OF(X509) *all = ca.n > 0 ? all_of(ca, e) : NULL;

	if (ca.n > 0 && all == NULL)
		return NULL;
	X509_STORE *store = X509_STORE_new();
	bool ok = store != NULL;
	if (ok && ca.n == 0)
		ok = X509_STORE_set_default_paths(store) == 1;
	for (int i = 0; ok && i < sk_X509_num(all); i++)
		ok = X509_STORE_add_cert(store, sk_X509_value(all, i)) == 1;
	sk_X509_pop_free(all, X509_free);
	if (ok)
		return store;
	(void)tls_cert_failed(e, ERR_TEMP, "cannot be used");
	X509_STORE_free(store);
	return NULL;
}

/* What it says it is for; an authority is for anything. */
static int
purpose_of(X509 *x)
{
	if (X509_check_ca(x) == 1)
		return X509_PURPOSE_ANY;
	if (X509_check_purpose(x, X509_PURPOSE_SSL_SERVER, 0) == 1)
		return X509_PURPOSE_SSL_SERVER;
	return X509_PURPOSE_SSL_CLIENT;
}

static int
verify(STACK_OF(X509) * chain, X509_STORE *store, int64_t now, struct err *e)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509 *x = sk_X509_value(chain, 0);
	int rc = -1;

	if (ctx == NULL || X509_STORE_CTX_init(ctx, store, x, chain) != 1) {
		(void)tls_cert_failed(e, ERR_TEMP, "cannot check");
		goto out;
	}
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_time(param, (time_t)now);
	(void)X509_VERIFY_PARAM_set_purpose(param, purpose_of(x));
	if (X509_verify_cert(ctx) == 1)
		rc = 0;
	else
		(void)err_set(e, ERR_PERM, 0, "%s",
			      X509_verify_cert_error_string(
				  X509_STORE_CTX_get_error(ctx)));
	ERR_clear_error();
out:
	X509_STORE_CTX_free(ctx);
	return rc;
}

static int
check_key(X509 *x, struct span pem, struct err *e)
{
	EVP_PKEY *key = tls_cert_key_of(pem, e);
	int rc = -1;

	if (key != NULL && X509_check_private_key(x, key) == 1)
		rc = 0;
	else if (key != NULL)
		(void)tls_cert_failed(e, ERR_PERM,
				      "the key is not that of the certificate");
	EVP_PKEY_free(key);
	return rc;
}

int
tls_cert_check(struct span pem, struct span ca, struct span key, int64_t now,
	       struct err *e)
{
	STACK_OF(X509) *chain = all_of(pem, e);
	X509_STORE *store = NULL;
	int rc = -1;

	if (chain == NULL)
		return -1;
	store = trusted(ca, e);
	if (store == NULL)
		(void)err_prefix(e, "the authority");
	else if (key.n == 0 || check_key(sk_X509_value(chain, 0), key, e) == 0)
		rc = verify(chain, store, now, e);
	X509_STORE_free(store);
	sk_X509_pop_free(chain, X509_free);
	return rc;
}
