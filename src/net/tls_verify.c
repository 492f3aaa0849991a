#include <errno.h>
#include <string.h>

#include "net/tls_private.h"

/*
 * Is the peer who it should be?  OpenSSL walks the chain (or the TLSA records)
 * during the handshake and stops at the first fault; names and pins are ours,
 * because several names are an "or" to us and OpenSSL would want a name *and*
 * an address.
 */

const char *
tls_fault_text(enum tls_fault fault)
{
	switch (fault) {
	case TLS_FAULT_NONE:
		return "";
	case TLS_FAULT_NO_CERTIFICATE:
		return "no certificate was shown";
	case TLS_FAULT_EXPIRED:
		return "the certificate has expired";
	case TLS_FAULT_NOT_YET_VALID:
		return "the certificate is not yet valid";
	case TLS_FAULT_WRONG_NAME:
		return "the certificate is for another name";
	case TLS_FAULT_SELF_SIGNED:
		return "the certificate is self-signed";
	case TLS_FAULT_UNKNOWN_ISSUER:
		return "the certificate is from an unknown issuer";
	case TLS_FAULT_PIN:
		return "the key is not the one that is known";
	case TLS_FAULT_TLSA:
		return "no TLSA record matches the certificate";
	case TLS_FAULT_TLSA_UNUSABLE:
		return "none of the TLSA records is usable";
	case TLS_FAULT_OTHER:
		return "the certificate is not valid";
	}
	return "";
}

static bool
is_address(const char *name)
{
	ASN1_OCTET_STRING *a = a2i_IPADDRESS(name);

	ASN1_OCTET_STRING_free(a);
	ERR_clear_error();
	return a != NULL;
}

/* Digest lengths of RFC 6698 2.1.3; 0: the data itself. */
static int
add_record(struct tls_session *t, const struct tls_tlsa *r, struct err *e)
{
	/* RFC 7672 3.1.3: PKIX-TA(0) and PKIX-EE(1) are unusable for SMTP */
	if (r->usage != 2 && r->usage != 3)
		return 0;
	int rc = SSL_dane_tlsa_add(t->ssl, r->usage, r->selector, r->matching,
				   (const unsigned char *)r->data.p, r->data.n);
	unsigned long code = ERR_peek_error();
	if (rc < 0 && ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE)
		return tls_openssl_error(e, ERR_TEMP, "TLSA");
	ERR_clear_error();
	if (rc > 0)
		t->n_usable++;
	return 0;
}

/* SSL_set_tlsext_host_name, whose macro drops a const; it copies the name. */
static long
ask_for(SSL *ssl, const char *name)
{
	union {
		const char *text;
		void *pointer;
	} u = { .text = name };

	return SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME,
			TLSEXT_NAMETYPE_host_name, u.pointer);
}

int
tls_verify_prepare(struct tls_session *t, struct err *e)
{
	const struct tls_peer *p = t->peer;
	unsigned char *alpn = NULL;
	size_t alpn_n;

	if (p->sni != NULL && p->sni[0] != '\0' && !is_address(p->sni) &&
	    ask_for(t->ssl, p->sni) != 1)
		return tls_openssl_error(e, ERR_PERM, p->sni);
	if (p->alpn != NULL) {
		if (tls_alpn_wire(p->alpn, &alpn, &alpn_n, e) != 0)
			return -1;
		int rc =
		    SSL_set_alpn_protos(t->ssl, alpn, (unsigned int)alpn_n);
		free(alpn);
		if (rc != 0)
			return err_set(e, ERR_TEMP, ENOMEM, "TLS");
	}
	if (p->check != TLS_CHECK_DANE)
		return 0;
	if (SSL_dane_enable(t->ssl, NULL) != 1)
		return tls_openssl_error(e, ERR_TEMP, "DANE");
	for (size_t i = 0; i < p->n_tlsa; i++) {
		if (add_record(t, &p->tlsa[i], e) != 0)
			return -1;
	}
	return 0;
}

static bool
name_matches(const struct tls_peer *p, X509 *leaf, unsigned flags)
{
	for (size_t i = 0; i < p->n_names; i++) {
		const char *name = p->names[i];
		int rc = is_address(name)
			     ? X509_check_ip_asc(leaf, name, 0)
			     : X509_check_host(leaf, name, strlen(name), flags,
					       NULL);
		ERR_clear_error();
		if (rc == 1)
			return true;
	}
	return false;
}

static enum tls_fault
fault_of(long result)
{
	switch (result) {
	case X509_V_OK:
		return TLS_FAULT_NONE;
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return TLS_FAULT_EXPIRED;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return TLS_FAULT_NOT_YET_VALID;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		return TLS_FAULT_SELF_SIGNED;
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		return TLS_FAULT_UNKNOWN_ISSUER;
	case X509_V_ERR_DANE_NO_MATCH:
		return TLS_FAULT_TLSA;
	default:
		return TLS_FAULT_OTHER;
	}
}

/* RFC 9525 6.3: names from subjectAltName alone. */
static enum tls_fault
fault_of_name(const struct tls_peer *p, X509 *leaf)
{
	return name_matches(p, leaf,
			    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
				X509_CHECK_FLAG_NEVER_CHECK_SUBJECT)
		   ? TLS_FAULT_NONE
		   : TLS_FAULT_WRONG_NAME;
}

static enum tls_fault
fault_by_dane(const struct tls_session *t, X509 *leaf, long result)
{
	uint8_t usage = 0, selector, matching;

	if (t->n_usable == 0)
		return TLS_FAULT_TLSA_UNUSABLE;
	if (result != X509_V_OK)
		return fault_of(result);
	if (SSL_get0_dane_tlsa(t->ssl, &usage, &selector, &matching, NULL,
			       NULL) < 0)
		return TLS_FAULT_TLSA;
	/* RFC 7672 3.1.1: with DANE-EE(3) names do not count; 3.2.3: with
	 * DANE-TA(2) they do, the subject's too when there are no others. */
	if (usage == 2 &&
	    !name_matches(t->peer, leaf, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
		return TLS_FAULT_WRONG_NAME;
	return TLS_FAULT_NONE;
}

static enum tls_fault
find_fault(const struct tls_session *t, X509 *leaf, long result)
{
	if (leaf == NULL)
		return TLS_FAULT_NO_CERTIFICATE;
	if (t->server)
		return fault_of(result);
	switch (t->peer->check) {
	case TLS_CHECK_PIN:
		return t->info.has_pin && t->peer->pin != NULL &&
			       CRYPTO_memcmp(t->info.pin, t->peer->pin,
					     TLS_PIN_BYTES) == 0
			   ? TLS_FAULT_NONE
			   : TLS_FAULT_PIN;
	case TLS_CHECK_DANE:
		return fault_by_dane(t, leaf, result);
	case TLS_CHECK_NONE:
	case TLS_CHECK_NAME:
		break;
	}
	return result != X509_V_OK ? fault_of(result)
				   : fault_of_name(t->peer, leaf);
}

void
tls_verify_judge(struct tls_session *t, X509 *leaf)
{
	long result = SSL_get_verify_result(t->ssl);

	t->info.fault = find_fault(t, leaf, result);
	t->info.verified = t->info.fault == TLS_FAULT_NONE;
	t->info.why_not = t->info.fault == TLS_FAULT_OTHER
			      ? X509_verify_cert_error_string(result)
			      : tls_fault_text(t->info.fault);
}
