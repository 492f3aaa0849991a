#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/tls_private.h"

enum { DAY_S = 86400, DAY_MS = DAY_S * 1000 };

struct tls_server {
	const char *service;
	bool dates_unwatched;
	pthread_mutex_t lock;        /* guards the rest */
	struct tls_content *content; /* NULL: there is no certificate */
	int64_t looked_ms;           /* when dates were last looked at */
};

/* ---- dates ----------------------------------------------------------------
 */

static const struct tls_pair *
first_to_expire(const struct tls_content *c, int64_t *left_s)
{
	const struct tls_pair *first = NULL;

	*left_s = INT64_MAX;
	for (size_t i = 0; i < c->n_pairs; i++) {
		int days = 0, seconds = 0;
		if (ASN1_TIME_diff(&days, &seconds, NULL,
				   X509_get0_notAfter(c->pairs[i].leaf)) != 1)
			continue;
		int64_t left = (int64_t)days * DAY_S + seconds;
		if (left < *left_s) {
			*left_s = left;
			first = &c->pairs[i];
		}
	}
	ERR_clear_error();
	return first;
}

static void
warn_of_dates(const struct tls_server *s, const struct tls_content *c)
{
	struct log_line l;
	int64_t left_s;

	const struct tls_pair *p = first_to_expire(c, &left_s);
	if (p == NULL || s->dates_unwatched ||
	    left_s > (int64_t)TLS_EXPIRY_WARNING_DAYS * DAY_S)
		return;
	log_begin(&l, left_s < 0 ? LOG_ERROR : LOG_WARN,
		  left_s < 0 ? "certificate-expired" : "certificate-expires");
	log_str(&l, "service", s->service);
	log_str(&l, "file", p->file);
	log_num(&l, "days", left_s / DAY_S);
	log_end(&l);
}

/* ---- what is shown --------------------------------------------------------
 */

struct tls_content *
tls_server_content(struct tls_server *s)
{
	int64_t now_ms = clock_mono_ms();
	bool look = false;

	(void)pthread_mutex_lock(&s->lock);
	struct tls_content *c =
	    s->content == NULL ? NULL : tls_content_hold(s->content);
	if (c != NULL && now_ms - s->looked_ms >= DAY_MS) {
		s->looked_ms = now_ms;
		look = true;
	}
	(void)pthread_mutex_unlock(&s->lock);
	if (look)
		warn_of_dates(s, c);
	return c;
}

bool
tls_server_ready(struct tls_server *s)
{
	if (s == NULL)
		return false;
	(void)pthread_mutex_lock(&s->lock);
	bool ready = s->content != NULL;
	(void)pthread_mutex_unlock(&s->lock);
	return ready;
}

static bool
is_for(const struct tls_pair *p, const char *name)
{
	if (p->name != NULL && span_eq_nocase(span_of(p->name), span_of(name)))
		return true;
	return X509_check_host(p->leaf, name, strlen(name),
			       X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
}

/* Called once the client said which server it wants (RFC 6066 3). */
static int
choose_certificate(SSL *ssl, void *arg)
{
	struct tls_content *c = arg;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	bool found = false;

	SSL_certs_clear(ssl);
	/* backwards, as a pair replaces one of the same key type */
	for (size_t i = c->n_pairs; name != NULL && i-- > 0;) {
		const struct tls_pair *p = &c->pairs[i];
		if (!is_for(p, name))
			continue;
		found = true;
		if (SSL_use_cert_and_key(ssl, p->leaf, p->key, p->chain, 1) !=
		    1)
			return 0;
	}
	if (found)
		return 1;
	return SSL_use_cert_and_key(ssl, c->pairs[0].leaf, c->pairs[0].key,
				    c->pairs[0].chain, 1) == 1;
}

static int
choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_n,
		const unsigned char *offered, unsigned int offered_n, void *arg)
{
	struct tls_content *c = arg;
	unsigned char *chosen = NULL;

	(void)ssl;
	if (SSL_select_next_proto(&chosen, out_n, c->alpn,
				  (unsigned int)c->alpn_n, offered,
				  offered_n) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL; /* RFC 7301 3.2 */
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

/* A client whose certificate cannot be verified is served as one without: what
 * it may do is the policy's business. */
static int
accept_any(int ok, X509_STORE_CTX *store)
{
	(void)ok;
	(void)store;
	return 1;
}

static int
make_content(struct tls_content **out, const struct tls_server_options *o,
	     struct err *e)
{
	struct tls_content *c = NULL;

	*out = NULL;
	if (o->n_certificates == 0)
		return 0;
	if (tls_content_new(&c, true, o->minimum, e) != 0)
		return -1;
	for (size_t i = 0; i < o->n_certificates; i++) {
		if (tls_content_add_pair(c, &o->certificates[i], e) != 0)
			goto fail;
	}
	if (o->alpn != NULL) {
		if (tls_alpn_wire(o->alpn, &c->alpn, &c->alpn_n, e) != 0)
			goto fail;
		SSL_CTX_set_alpn_select_cb(c->ctx, choose_protocol, c);
	}
	if (o->client_ca_file != NULL) {
		if (tls_content_add_issuers(c, o->client_ca_file, e) != 0)
			goto fail;
		SSL_CTX_set_verify(c->ctx, SSL_VERIFY_PEER, accept_any);
	}
	SSL_CTX_set_cert_cb(c->ctx, choose_certificate, c);
	tls_tickets_use(c);
	if (SSL_CTX_set_session_id_context(
		c->ctx, (const unsigned char *)o->service,
		(unsigned int)strlen(o->service)) != 1) {
		(void)tls_openssl_error(e, ERR_BUG, o->service);
		goto fail;
	}
	*out = c;
	return 0;
fail:
	tls_content_drop(&c);
	return -1;
}

int
tls_server_new(struct tls_server **out, const struct tls_server_options *o,
	       struct err *e)
{
	struct tls_server *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "TLS");
	(void)pthread_mutex_init(&s->lock, NULL);
	s->service = o->service;
	s->dates_unwatched = o->dates_unwatched;
	if (make_content(&s->content, o, e) != 0) {
		tls_server_free(&s);
		return -1;
	}
	s->looked_ms = clock_mono_ms();
	if (s->content != NULL)
		warn_of_dates(s, s->content);
	*out = s;
	return 0;
}

int
tls_server_reload(struct tls_server *s, const struct tls_server_options *o,
		  struct err *e)
{
	struct tls_content *fresh = NULL;

	if (make_content(&fresh, o, e) != 0)
		return -1;
	(void)pthread_mutex_lock(&s->lock);
	struct tls_content *old = s->content;
	s->content = fresh;
	s->looked_ms = clock_mono_ms();
	(void)pthread_mutex_unlock(&s->lock);
	tls_content_drop(&old);
	fresh = tls_server_content(s);
	if (fresh != NULL)
		warn_of_dates(s, fresh);
	tls_content_drop(&fresh);
	return 0;
}

void
tls_server_free(struct tls_server **out)
{
	struct tls_server *s = *out;

	if (s == NULL)
		return;
	tls_content_drop(&s->content);
	(void)pthread_mutex_destroy(&s->lock);
	free(s);
	*out = NULL;
}

int64_t
tls_server_expiry(struct tls_server *s, char *file, size_t size)
{
	struct tls_content *c = tls_server_content(s);
	int64_t left_s = INT64_MAX;

	const struct tls_pair *p =
	    c == NULL ? NULL : first_to_expire(c, &left_s);
	(void)snprintf(file, size, "%s", p == NULL ? "" : p->file);
	tls_content_drop(&c);
	return left_s;
}
