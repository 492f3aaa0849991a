#include "base/clock.h"
#include "wire.h"

int
wire_tls(struct wire_session *w, struct err *e)
{
	struct tls_client_options o = { .ca_dir = "/dev/null/none" };
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
