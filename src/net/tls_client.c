#include <errno.h>
#include <stdlib.h>

#include "net/tls_private.h"

struct tls_client {
	struct tls_content *content;
};

struct tls_content *
tls_client_content(struct tls_client *c)
{
	return tls_content_hold(c->content);
}

static int
trust(struct tls_content *c, const struct tls_client_options *o, struct err *e)
{
	if (o->ca_file != NULL &&
	    tls_content_add_issuers(c, o->ca_file, e) != 0)
		return -1;
	if (o->ca_dir != NULL &&
	    SSL_CTX_load_verify_dir(c->ctx, o->ca_dir) != 1)
		return tls_openssl_error(e, ERR_PERM, o->ca_dir);
	if (o->ca_file == NULL && o->ca_dir == NULL &&
	    SSL_CTX_set_default_verify_paths(c->ctx) != 1)
		return tls_openssl_error(e, ERR_PERM,
					 "the system's certificates");
	return 0;
}

int
tls_client_new(struct tls_client **out, const struct tls_client_options *o,
	       struct err *e)
{
	struct tls_client *c = calloc(1, sizeof(*c));
	const struct tls_certificate own = {
		.certificate_file = o->certificate_file,
		.key_file =
		    o->key_file != NULL ? o->key_file : o->certificate_file,
	};

	if (c == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "TLS");
	if (tls_content_new(&c->content, false, o->minimum, e) != 0 ||
	    trust(c->content, o, e) != 0 ||
	    (o->certificate_file != NULL &&
	     tls_content_add_pair(c->content, &own, e) != 0))
		goto fail;
	if (SSL_CTX_dane_enable(c->content->ctx) != 1) {
		(void)tls_openssl_error(e, ERR_TEMP, "DANE");
		goto fail;
	}
	/* We judge after the handshake, when all can be said about the
	 * certificate, so that no verdict ends it from within. */
	SSL_CTX_set_verify(c->content->ctx, SSL_VERIFY_NONE, NULL);
	*out = c;
	return 0;
fail:
	tls_client_free(&c);
	return -1;
}

void
tls_client_free(struct tls_client **out)
{
	struct tls_client *c = *out;

	if (c == NULL)
		return;
	tls_content_drop(&c->content);
	free(c);
	*out = NULL;
}
