#include "net/tls_settings.h"

#include <errno.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/secret.h"

const char *const tls_settings_minima[] = { "1.2", "1.3", NULL };

/* The files that the options name, with room for their texts. */
struct pairs {
	struct tls_certificate *v;
	size_t n;
	struct buf text; /* of [certificates] */
};
enum { TEXT_MAX = 64 * 1024 };

static void
pairs_clear(struct pairs *p)
{
	free(p->v);
	buf_free(&p->text);
}

/* A word of [certificates] as a C string that lives as long as p. */
static const char *
keep(struct pairs *p, struct span word)
{
	char *at = p->text.p + p->text.n;

	if (buf_add_span(&p->text, word) != 0 ||
	    buf_add_char(&p->text, '\0') != 0)
		return NULL;
	return at;
}

/* "file [key-file]" */
static int
add_named(struct pairs *p, const struct option_pair *from, struct err *e)
{
	struct span rest = span_of(from->value);
	struct span file = span_word(&rest);
	struct span key = span_word(&rest);

	if (file.n == 0 || span_trim(rest).n > 0)
		return err_set(e, ERR_PERM, 0,
			       "[certificates] %s: not of the form file"
			       " [key-file]",
			       from->name);
	struct tls_certificate *c = &p->v[p->n++];
	c->name = from->name;
	c->certificate_file = keep(p, file);
	c->key_file = keep(p, key.n == 0 ? file : key);
	return 0;
}

static int
pairs_make(struct pairs *p, const struct tls_settings *o, struct err *e)
{
	size_t room = 1;

	*p = (struct pairs){ 0 };
	buf_init(&p->text, TEXT_MAX);
	if (o->certificate[0] == '\0') {
		if (o->certificates.n == 0 && o->client_ca[0] == '\0' &&
		    o->key[0] == '\0')
			return 0;
		return err_set(e, ERR_PERM, 0,
			       "[tls] certificate: missing, but others of its"
			       " options are there");
	}
	for (size_t i = 0; i < o->certificates.n; i++)
		room += 2 * (strlen(o->certificates.v[i].value) + 2);
	/* the room is made first, so that what keep gave out does not move */
	p->v = calloc(1 + o->certificates.n, sizeof(*p->v));
	if (p->v == NULL || buf_reserve(&p->text, room) != 0)
		return err_set(e, ERR_TEMP, ENOMEM, "TLS");
	p->v[p->n++] = (struct tls_certificate){
		.certificate_file = o->certificate,
		.key_file = o->key[0] != '\0' ? o->key : o->certificate,
	};
	for (size_t i = 0; i < o->certificates.n; i++) {
		if (add_named(p, &o->certificates.v[i], e) != 0)
			return -1;
	}
	for (size_t i = 0; i < p->n; i++) {
		if (secret_check(p->v[i].key_file, e) != 0)
			return err_prefix(e, "key");
	}
	return 0;
}

int
tls_settings_server(struct tls_server **s, const struct tls_settings *o,
		    const char *service, const char *alpn, struct err *e)
{
	struct pairs p;
	int rc = -1;

	if (pairs_make(&p, o, e) != 0)
		goto out;
	struct tls_server_options made = {
		.service = service == NULL ? "" : service,
		.alpn = alpn,
		.certificates = p.v,
		.n_certificates = p.n,
		.client_ca_file = o->client_ca[0] == '\0' ? NULL : o->client_ca,
		.minimum = (enum tls_minimum)o->minimum,
		.dates_unwatched = service == NULL,
	};
	rc = *s == NULL ? tls_server_new(s, &made, e)
			: tls_server_reload(*s, &made, e);
out:
	pairs_clear(&p);
	return rc;
}

int
tls_settings_check(const char *path, const struct tls_settings *o,
		   bool implicit, struct err *e)
{
	struct tls_server *s = NULL;

	if (implicit && o->certificate[0] == '\0')
		return err_set(e, ERR_PERM, 0,
			       "%s: listen-tls: needs [tls] certificate", path);
	int rc = tls_settings_server(&s, o, NULL, NULL, e);
	tls_server_free(&s);
	return rc == 0 ? 0 : err_prefix(e, "%s", path);
}
