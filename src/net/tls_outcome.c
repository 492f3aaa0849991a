#include "net/tls_outcome.h"

#include <stdio.h>
#include <string.h>

static void
copy(char *to, size_t size, const char *text)
{
	(void)snprintf(to, size, "%s", text == NULL ? "" : text);
}

static void
take(struct tls_outcome *o, const struct tls_info *i)
{
	o->verified = i->verified;
	o->resumed = i->resumed;
	o->fault = i->fault;
	o->expires = i->expires;
	o->has_pin = i->has_pin;
	memcpy(o->pin, i->pin, sizeof(o->pin));
	copy(o->why_not, sizeof(o->why_not), i->why_not);
	copy(o->version, sizeof(o->version), i->version);
	copy(o->cipher, sizeof(o->cipher), i->cipher);
	copy(o->subject, sizeof(o->subject), i->subject);
	copy(o->issuer, sizeof(o->issuer), i->issuer);
	copy(o->dns, sizeof(o->dns), i->dns);
}

int
tls_outcome_connect(struct tls_outcome *o, struct stream *s,
		    struct tls_client *client, const struct tls_peer *peer,
		    int64_t deadline_ms, struct err *e)
{
	const struct tls_peer anybody = { .check = TLS_CHECK_NONE };
	struct err failure = { 0 };

	memset(o, 0, sizeof(*o));
	o->check = peer != NULL ? peer->check : TLS_CHECK_NONE;
	int rc = stream_connect_tls(s, client, peer != NULL ? peer : &anybody,
				    deadline_ms, &failure);
	const struct tls_info *i = stream_tls(s);
	if (i != NULL)
		take(o, i);
	if (rc == 0) {
		o->step = TLS_STEP_ON;
		return 0;
	}
	bool judged = i != NULL && !i->verified && i->fault != TLS_FAULT_NONE;
	o->step = failure.class == ERR_TEMP && judged ? TLS_STEP_UNACCEPTABLE
						      : TLS_STEP_FAILED;
	if (e != NULL)
		*e = failure;
	return -1;
}

const char *
tls_outcome_text(const struct tls_outcome *o, char *buf, size_t size)
{
	static const char *const steps[] = {
		[TLS_STEP_NONE] = "not encrypted",
		[TLS_STEP_NOT_OFFERED] = "TLS is not offered",
		[TLS_STEP_REFUSED] = "TLS was refused",
		[TLS_STEP_FAILED] = "the TLS handshake failed",
		[TLS_STEP_UNACCEPTABLE] = "the certificate is not accepted",
		[TLS_STEP_ON] = "",
	};

	static const char *const by[] = {
		[TLS_CHECK_NONE] = "verified",
		[TLS_CHECK_NAME] = "verified",
		[TLS_CHECK_DANE] = "verified by DANE",
		[TLS_CHECK_PIN] = "verified by its pin",
	};

	if (o->version[0] == '\0') {
		copy(buf, size, steps[o->step]);
		return buf;
	}
	(void)snprintf(buf, size, "%s %s, %s by %s, %s%s", o->version,
		       o->cipher, o->subject[0] != '\0' ? o->subject : o->dns,
		       o->issuer, o->verified ? by[o->check] : "not verified: ",
		       o->verified ? "" : o->why_not);
	return buf;
}
