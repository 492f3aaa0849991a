#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/tls_private.h"

enum { NAME_TEXT_MAX = 512, SAN_MAX = 254 };

static const char none[] = "";

/* *text becomes a copy; nothing is allocated for the empty text. */
static int
set_text(const char **text, const char *p, size_t n)
{
	*text = none;
	if (n == 0)
		return 0;
	char *copy = strndup(p, n);
	if (copy == NULL)
		return -1;
	*text = copy;
	return 0;
}

static void
free_text(const char **text)
{
	union {
		const char *text;
		char *heap;
	} u = { .text = *text };

	if (*text != NULL && *text != none)
		free(u.heap);
	*text = none;
}

static int
set_name(const char **text, const X509_NAME *name)
{
	char *p = NULL;
	int rc = -1;

	BIO *b = BIO_new(BIO_s_mem());
	if (b != NULL && X509_NAME_print_ex(b, name, 0, XN_FLAG_RFC2253) >= 0) {
		long n = BIO_get_mem_data(b, &p);
		rc = set_text(text, p,
			      n > NAME_TEXT_MAX ? NAME_TEXT_MAX : (size_t)n);
	}
	BIO_free(b);
	return rc;
}

/* A NUL or a control byte inside would make one name look like another. */
static bool
is_plain(const unsigned char *p, int n)
{
	for (int i = 0; i < n; i++) {
		if (p[i] <= ' ' || p[i] >= 0x7f)
			return false;
	}
	return n > 0 && n <= SAN_MAX;
}

static int
set_alternative(const char **text, const ASN1_IA5STRING *s)
{
	const unsigned char *p = ASN1_STRING_get0_data(s);
	int n = ASN1_STRING_length(s);

	if ((*text)[0] != '\0' || !is_plain(p, n))
		return 0;
	return set_text(text, (const char *)p, (size_t)n);
}

static int
set_alternatives(struct tls_info *i, X509 *leaf)
{
	GENERAL_NAMES *all =
	    X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
	int rc = 0;

	for (int n = 0; rc == 0 && n < sk_GENERAL_NAME_num(all); n++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(all, n);
		if (g->type == GEN_EMAIL)
			rc = set_alternative(&i->email, g->d.rfc822Name);
		else if (g->type == GEN_DNS)
			rc = set_alternative(&i->dns, g->d.dNSName);
	}
	GENERAL_NAMES_free(all);
	return rc;
}

static void
set_pin(struct tls_info *i, X509 *leaf)
{
	unsigned char *der = NULL;

	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf), &der);
	i->has_pin = n > 0 && EVP_Digest(der, (size_t)n, i->pin, NULL,
					 EVP_sha256(), NULL) == 1;
	OPENSSL_free(der);
}

static int64_t
seconds_of(const ASN1_TIME *time)
{
	int days = 0, seconds = 0;

	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	if (epoch == NULL || ASN1_TIME_diff(&days, &seconds, epoch, time) != 1)
		days = seconds = 0;
	ASN1_TIME_free(epoch);
	return (int64_t)days * 86400 + seconds;
}

int
tls_info_fill(struct tls_session *t, X509 *leaf, struct err *e)
{
	struct tls_info *i = &t->info;
	const char *asked = NULL;
	const unsigned char *alpn = NULL;
	unsigned int alpn_n = 0;

	i->version = SSL_get_version(t->ssl);
	i->cipher = SSL_get_cipher_name(t->ssl);
	i->suite = SSL_CIPHER_standard_name(SSL_get_current_cipher(t->ssl));
	i->bits = SSL_get_cipher_bits(t->ssl, NULL);
	i->resumed = SSL_session_reused(t->ssl) == 1;
	i->subject = i->issuer = i->email = i->dns = i->sni = i->alpn = none;
	i->why_not = none;
	SSL_get0_alpn_selected(t->ssl, &alpn, &alpn_n);
	asked = SSL_get_servername(t->ssl, TLSEXT_NAMETYPE_host_name);
	if (asked != NULL &&
	    is_plain((const unsigned char *)asked, (int)strlen(asked)) &&
	    set_text(&i->sni, asked, strlen(asked)) != 0)
		goto fail;
	if (set_text(&i->alpn, (const char *)alpn, alpn_n) != 0)
		goto fail;
	if (leaf != NULL) {
		if (set_name(&i->subject, X509_get_subject_name(leaf)) != 0 ||
		    set_name(&i->issuer, X509_get_issuer_name(leaf)) != 0 ||
		    set_alternatives(i, leaf) != 0)
			goto fail;
		set_pin(i, leaf);
		i->expires = seconds_of(X509_get0_notAfter(leaf));
	}
	ERR_clear_error();
	return 0;
fail:
	ERR_clear_error();
	return err_set(e, ERR_TEMP, ENOMEM, "TLS");
}

void
tls_info_clear(struct tls_info *i)
{
	free_text(&i->subject);
	free_text(&i->issuer);
	free_text(&i->email);
	free_text(&i->dns);
	free_text(&i->sni);
	free_text(&i->alpn);
}
