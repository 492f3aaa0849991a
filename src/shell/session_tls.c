#include "shell/session_tls.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "net/tls_pin.h"
#include "pop3/pop3_client.h"
#include "shell/pins.h"
#include "smtp/smtp_client.h"

_Static_assert((int)SMTP_TLS_NONE == (int)POP3_TLS_NONE &&
		   (int)SMTP_TLS_MAY == (int)POP3_TLS_MAY &&
		   (int)SMTP_TLS_MUST == (int)POP3_TLS_MUST &&
		   (int)SMTP_TLS_IMPLICIT == (int)POP3_TLS_IMPLICIT,
	       "one level for both protocols");

enum { SUBMISSIONS = 465, POP3S = 995 }; /* RFC 8314 7.3, RFC 2595 7 */

/* The name, or an address as it is written: a host of another machine may be
 * called 127.example. */
static bool
is_local(const char *host)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (strcasecmp(host, "localhost") == 0 ||
	    strcasecmp(host, "localhost.") == 0)
		return true;
	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, host, &v6) == 1 &&
	       memcmp(&v6, &in6addr_loopback, sizeof(v6)) == 0;
}

uint16_t
session_tls_port(const struct endpoint *at, bool smtp)
{
	/* RFC 8314 3.3: from the first byte is better than STARTTLS. */
	bool implicit = at->tls == ENDPOINT_TLS ||
			(at->tls == ENDPOINT_AUTO && !is_local(at->host));

	if (smtp)
		return implicit ? SUBMISSIONS : 587;
	return implicit ? POP3S : 110;
}

static unsigned
level_of(const struct endpoint *at, bool at_ease)
{
	switch (at->tls) {
	case ENDPOINT_PLAIN:
		return SMTP_TLS_NONE;
	case ENDPOINT_TLS:
		return SMTP_TLS_IMPLICIT;
	case ENDPOINT_STARTTLS:
		return SMTP_TLS_MUST;
	case ENDPOINT_AUTO:
		break;
	}
	if (at->port == SUBMISSIONS || at->port == POP3S)
		return SMTP_TLS_IMPLICIT;
	return at_ease ? SMTP_TLS_MAY : SMTP_TLS_MUST;
}

int
session_tls_ready(struct shell *sh)
{
	const struct tls_client_options o = {
		.ca_file = sh->ca_file[0] == '\0' ? NULL : sh->ca_file,
		.certificate_file =
		    sh->cert_file[0] == '\0' ? NULL : sh->cert_file,
		/* a file may hold both */
		.key_file = sh->cert_file[0] == '\0'  ? NULL
			    : sh->key_file[0] == '\0' ? sh->cert_file
						      : sh->key_file,
	};
	struct err e = { 0 };

	if (sh->tls_client != NULL ||
	    tls_client_new(&sh->tls_client, &o, &e) == 0)
		return SHELL_OK;
	return failure_from_local(&sh->fail, &e);
}

void
session_tls_reset(struct shell *sh)
{
	tls_client_free(&sh->tls_client);
}

/* RFC 6066 3: without the dot that ends an absolute name in the DNS; no
 * certificate has it. */
static void
plain_host(const char *host, char name[NET_HOST_SIZE])
{
	size_t n = strlen(host);

	(void)snprintf(name, NET_HOST_SIZE, "%s", host);
	if (n > 1 && n < NET_HOST_SIZE && name[n - 1] == '.')
		name[n - 1] = '\0';
}

int
session_tls_demand(struct shell *sh, const struct endpoint *at,
		   struct session_tls *t)
{
	char known[TLS_PIN_TEXT_SIZE] = "";
	struct err e = { 0 };

	*t = (struct session_tls){ 0 };
	plain_host(at->host, t->host);
	if (at->tls == ENDPOINT_PLAIN)
		return SHELL_OK;
	if (at->pin[0] != '\0')
		memcpy(known, at->pin, sizeof(known));
	else if (!sh->no_config &&
		 pins_find(at->host, at->port, known, &e) != 0)
		return failure_from_local(&sh->fail, &e);
	bool at_ease = at->tls == ENDPOINT_AUTO && is_local(at->host) &&
		       sh->ca_file[0] == '\0' && known[0] == '\0';
	t->level = level_of(at, at_ease);
	t->names[0] = t->host;
	t->peer.sni = t->host;
	t->peer.names = t->names;
	t->peer.n_names = 1;
	t->peer.check = at_ease ? TLS_CHECK_NONE : TLS_CHECK_NAME;
	if (known[0] != '\0' && tls_pin_parse(span_of(known), t->pin) == 0) {
		t->peer.check = TLS_CHECK_PIN;
		t->peer.pin = t->pin;
	}
	return session_tls_ready(sh);
}

void
session_tls_keep(struct shell *sh, const struct endpoint *at)
{
	char known[TLS_PIN_TEXT_SIZE];
	struct err e = { 0 };

	if (at->pin[0] == '\0' || sh->no_config ||
	    (pins_find(at->host, at->port, known, &e) == 0 &&
	     strcmp(known, at->pin) == 0))
		return;
	if (pins_set(at->host, at->port, at->pin, &e) != 0)
		shell_note(sh, "the pin is not remembered: %s", e.msg);
}

/* ---- words ----------------------------------------------------------------
 */

const char *
session_tls_text(const struct tls_outcome *o, char *buf, size_t size)
{
	if (o->step != TLS_STEP_ON)
		(void)snprintf(buf, size, "not encrypted");
	else
		(void)snprintf(buf, size, "TLS, %s",
			       o->verified ? "verified" : "not verified");
	return buf;
}

static void
explain_certificate(struct shell *sh, const struct endpoint *at,
		    const struct tls_outcome *o)
{
	char day[32], pin[TLS_PIN_TEXT_SIZE];
	const char *name = o->dns[0] != '\0' ? o->dns : o->subject;

	clock_utc_text(o->expires * 1000000, day, sizeof(day));
	tls_pin_text(o->pin, pin);
	switch (o->fault) {
	case TLS_FAULT_EXPIRED:
		failure_hint(&sh->fail,
			     "it was valid until %.10s: the server needs a new "
			     "one, unless this machine's clock is wrong",
			     day);
		break;
	case TLS_FAULT_NOT_YET_VALID:
		failure_hint(&sh->fail, "is this machine's clock right?");
		break;
	case TLS_FAULT_WRONG_NAME:
		failure_hint(&sh->fail,
			     "it is for %.100s: is that the server you mean? "
			     "Then call it so in --smtp and --pop3",
			     name);
		break;
	case TLS_FAULT_SELF_SIGNED:
		failure_hint(&sh->fail,
			     "nobody vouches for it; if `postpair-admin cert "
			     "show` at the server tells the same, trust its "
			     "key: --pin %s",
			     pin);
		break;
	case TLS_FAULT_UNKNOWN_ISSUER:
		failure_hint(&sh->fail,
			     "it is by %.70s; trust that with `set ca "
			     "FILE` or --ca, or this key alone, once compared: "
			     "--pin %s",
			     o->issuer, pin);
		break;
	case TLS_FAULT_PIN:
		failure_hint(&sh->fail,
			     "the server has a new key, or somebody stands "
			     "between; if you know it is new: --pin %s, or "
			     "--pin none",
			     pin);
		break;
	case TLS_FAULT_NO_CERTIFICATE:
	case TLS_FAULT_TLSA:
	case TLS_FAULT_TLSA_UNUSABLE:
	case TLS_FAULT_OTHER:
	case TLS_FAULT_NONE:
		failure_hint(&sh->fail,
			     "the administrator of %s can make a right one",
			     at->host);
		break;
	}
}

void
session_tls_explain(struct shell *sh, const struct endpoint *at,
		    const struct tls_outcome *o)
{
	switch (o->step) {
	case TLS_STEP_NOT_OFFERED:
	case TLS_STEP_REFUSED:
		failure_hint(&sh->fail,
			     "--tls if port %u begins with TLS, --plain if the "
			     "network is yours",
			     at->port);
		break;
	case TLS_STEP_FAILED:
		failure_hint(&sh->fail,
			     "is there TLS on port %u? --tls begins with it, "
			     "--starttls in clear text",
			     at->port);
		break;
	case TLS_STEP_UNACCEPTABLE:
		explain_certificate(sh, at, o);
		break;
	case TLS_STEP_NONE:
		if (sh->fail.status == SHELL_TIMEOUT && at->tls != ENDPOINT_TLS)
			failure_hint(&sh->fail,
				     "a port that begins with TLS says "
				     "nothing: --tls");
		break;
	case TLS_STEP_ON:
		break;
	}
}
