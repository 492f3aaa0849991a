#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/unit/net/issue.h"
#include "wire.h"

int
wire_tls(struct wire_session *w, struct err *e)
{
	struct tls_client_options o = { .ca_dir = "/nonexistent" };
	struct tls_peer peer = { .check = TLS_CHECK_NONE };
	struct tls_client *c = NULL;
	int rc = -1;

	/* a reply that is still here would be taken for one that came after */
	if (w->in.n > 0)
		return err_set(e, ERR_PROTO, 0, "the server said more");
	if (tls_client_new(&c, &o, e) == 0 &&
	    stream_new(&w->tls, w->fd, e) == 0)
		rc = stream_connect_tls(w->tls, c, &peer,
					clock_mono_ms() + WIRE_WAIT_MS, e);
	tls_client_free(&c);
	return rc;
}

struct tls_server *
wire_tls_server(const char *service)
{
	static const struct issue mx = { .common_name = "mx.test",
					 .names = "DNS:mx.test" };
	char dir[] = "/tmp/wire.XXXXXX", certificate[64], key[64];
	struct tls_certificate one = { NULL, certificate, key };
	struct tls_server_options o = { .service = service,
					.certificates = &one,
					.n_certificates = 1 };
	struct tls_server *s = NULL;
	struct err e;

	if (mkdtemp(dir) == NULL)
		abort();
	issue(dir, "mx", &mx);
	(void)snprintf(certificate, sizeof(certificate), "%s/mx.crt", dir);
	(void)snprintf(key, sizeof(key), "%s/mx.key", dir);
	if (tls_server_new(&s, &o, &e) != 0) {
		(void)fprintf(stderr, "%s\n", e.msg);
		abort();
	}
	(void)unlink(certificate);
	(void)unlink(key);
	(void)rmdir(dir);
	return s;
}
