#include "base/clock.h"
#include "mail/release.h"
#include "net/network.h"
#include "smtp/smtp_server_private.h"

/*
 * What EHLO offers (RFC 5321 4.1.1.1).  An extension has one row, and EHLO is
 * made of the rows: who adds one adds its row, and a row in doc/extensions.md,
 * which the tests compare with this table and with what both servers say.
 *
 * Offered is only what is true for this client at this moment: a keyword that
 * must be taken back makes a client fail in the middle of a transaction.
 */

static int
size_parameters(const struct smtp_session *s, struct buf *out)
{
	int64_t max = s->server->o.size_max_bytes;

	/* RFC 1870 3: without a number, no limit is stated */
	return max > 0 ? buf_addf(out, " %lld", (long long)max) : 0;
}

/* RFC 3207 4.2: not once it is used.  A unix socket leads to nowhere else. */
static bool
starttls_offered(const struct smtp_session *s)
{
	return s->info.tls == NULL && !s->peer->is_unix &&
	       tls_server_ready(s->server->o.tls);
}

/* RFC 4954 3: not once somebody is logged in, when it would be refused. */
static bool
auth_offered(const struct smtp_session *s)
{
	struct sasl_channel c;
	char list[SASL_MECHANISMS_SIZE];

	if (!smtp_server_may_auth(s) || s->user.address[0] != '\0')
		return false;
	smtp_server_channel(s, &c);
	return sasl_mechanisms(s->server->o.sasl, &c, list)[0] != '\0';
}

static int
auth_parameters(const struct smtp_session *s, struct buf *out)
{
	struct sasl_channel c;
	char list[SASL_MECHANISMS_SIZE];

	smtp_server_channel(s, &c);
	return buf_addf(out, " %s",
			sasl_mechanisms(s->server->o.sasl, &c, list));
}

static bool
dsn_offered(const struct smtp_session *s)
{
	return s->server->o.dsn;
}

bool
smtp_server_believes_ids(const struct smtp_session *s)
{
	const struct smtp_server_options *o = &s->server->o;

	return o->delivery_ids &&
	       (s->info.is_loopback || s->info.login[0] != '\0' ||
		(o->delivery_ids_from != NULL &&
		 network_list_has(o->delivery_ids_from, s->info.address)));
}

/* RFC 9422: how many recipients before 452 4.5.3.  There is no limit to the
 * transactions of a session, nor to the domains in one. */
static int
limits_parameters(const struct smtp_session *s, struct buf *out)
{
	return buf_addf(out, " RCPTMAX=%d", s->server->o.recipients_max);
}

bool
smtp_server_may_require_tls(const struct smtp_session *s)
{
	return s->server->o.require_tls && s->info.tls != NULL;
}

static bool
future_release_offered(const struct smtp_session *s)
{
	return s->server->o.future_release_max_s > 0;
}

/* RFC 4865 4 (3): the longest interval, and the latest time as it is now. */
static int
future_release_parameters(const struct smtp_session *s, struct buf *out)
{
	int64_t max_s = s->server->o.future_release_max_s;
	char date[RELEASE_DATE_SIZE];

	release_date_format(clock_wall_s() + max_s, date);
	return buf_addf(out, " %lld %s", (long long)max_s, date);
}

static int
xclient_parameters(const struct smtp_session *s, struct buf *out)
{
	(void)s;
	return buf_add_str(out, " NAME ADDR PORT PROTO HELO LOGIN");
}

static bool
queue_offered(const struct smtp_session *s)
{
	return s->server->ops.on_queue != NULL;
}

static const struct smtp_server_extension extensions[] = {
	{ "PIPELINING", "RFC 2920", NULL, NULL },
	{ "SIZE", "RFC 1870", NULL, size_parameters },
	{ "8BITMIME", "RFC 6152", NULL, NULL },
	{ "CHUNKING", "RFC 3030", NULL, NULL },
	{ "SMTPUTF8", "RFC 6531", NULL, NULL },
	{ "ENHANCEDSTATUSCODES", "RFC 2034", NULL, NULL },
	{ "LIMITS", "RFC 9422", NULL, limits_parameters },
	{ "REQUIRETLS", "RFC 8689", smtp_server_may_require_tls, NULL },
	{ "STARTTLS", "RFC 3207", starttls_offered, NULL },
	{ "AUTH", "RFC 4954", auth_offered, auth_parameters },
	{ "DSN", "RFC 3461", dsn_offered, NULL },
	{ "FUTURERELEASE", "RFC 4865", future_release_offered,
	  future_release_parameters },
	{ "XPOSTPAIRID", "private", smtp_server_believes_ids, NULL },
	{ "XCLIENT", "Postfix", smtp_server_may_xclient, xclient_parameters },
	{ "XQUEUE", "private", queue_offered, NULL },
	/* RFC 5321 3.5.2: not VRFY and EXPN, which tell nobody anything */
	{ "HELP", "RFC 5321", NULL, NULL },
};

const struct smtp_server_extension *
smtp_server_extensions(size_t *n)
{
	*n = sizeof(extensions) / sizeof(extensions[0]);
	return extensions;
}

int
smtp_server_extension_list(const struct smtp_session *s, struct buf *out)
{
	int bad = 0;

	for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]);
	     i++) {
		const struct smtp_server_extension *x = &extensions[i];
		if (x->offered != NULL && !x->offered(s))
			continue;
		bad |= buf_addf(out, "\n%s", x->keyword);
		if (x->parameters != NULL)
			bad |= x->parameters(s, out);
	}
	return bad == 0 ? 0 : -1;
}
