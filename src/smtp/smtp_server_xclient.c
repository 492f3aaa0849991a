#include <arpa/inet.h>
#include <string.h>

#include "mail/dsn_param.h"
#include "net/network.h"
#include "smtp/smtp_server_private.h"

/*
 * XCLIENT attribute=value ... (XCLIENT_README of Postfix): a program that
 * stands before us, or a test, says who the client is.  From configured
 * addresses only, since who may say it passes every limit and needs no
 * password.  The session begins anew, with a greeting for the client that was
 * named.
 *
 * Values are xtext.  [UNAVAILABLE] and [TEMPUNAVAIL] are no value.  NAME is
 * what filters are told.  HELO and PROTO must be well-formed but are not used:
 * the next EHLO says the rest.
 */
enum attribute { NAME, ADDR, PORT, PROTO, HELO, LOGIN, ATTRIBUTES };
static const char *const names[] = { "NAME",  "ADDR", "PORT",
				     "PROTO", "HELO", "LOGIN" };

enum { VALUE_SIZE = 256 };

struct claim {
	bool given[ATTRIBUTES];
	char value[ATTRIBUTES][VALUE_SIZE]; /* decoded; "": not available */
};

bool
smtp_server_may_xclient(const struct smtp_session *s)
{
	const struct network_list *from = s->server->o.xclient_from;

	return from != NULL && network_list_has(from, s->peer->address);
}

static int
take_value(struct span value, char out[VALUE_SIZE])
{
	out[0] = '\0';
	if (span_eq_nocase(value, span_of("[UNAVAILABLE]")) ||
	    span_eq_nocase(value, span_of("[TEMPUNAVAIL]")))
		return 0;
	if (dsn_xtext_decode(value, out, VALUE_SIZE) != 0 || out[0] == '\0')
		return -1;
	for (const char *p = out; *p != '\0'; p++) {
		unsigned char c = (unsigned char)*p;
		if (c <= 0x20 || c == 0x7f)
			return -1;
	}
	return 0;
}

/* "192.0.2.7" or "IPV6:2001:db8::1", to canonical text. */
static int
canonical_address(char text[VALUE_SIZE])
{
	const struct span prefix = span_of("IPV6:");
	bool v6 = span_starts_nocase(span_of(text), prefix);
	unsigned char bytes[16];

	return inet_pton(v6 ? AF_INET6 : AF_INET, text + (v6 ? prefix.n : 0),
			 bytes) == 1 &&
		       inet_ntop(v6 ? AF_INET6 : AF_INET, bytes, text,
				 VALUE_SIZE) != NULL
		   ? 0
		   : -1;
}

static bool
is_good(enum attribute a, char text[VALUE_SIZE])
{
	uint64_t n;

	if (text[0] == '\0')
		return true;
	switch (a) {
	case ADDR:
		return canonical_address(text) == 0;
	case PORT:
		return span_u64(span_of(text), &n) == 0 && n <= UINT16_MAX;
	case PROTO:
		return span_eq_nocase(span_of(text), span_of("SMTP")) ||
		       span_eq_nocase(span_of(text), span_of("ESMTP"));
	case LOGIN:
	case NAME:
	case HELO:
	case ATTRIBUTES:
		return true;
	}
	return false;
}

/* 0, or -1 when the arguments are no claim. */
static int
parse(struct span args, struct claim *c)
{
	struct span key, value;
	int more;

	while ((more = smtp_server_param(&args, &key, &value)) > 0) {
		unsigned a = 0;
		while (a < ATTRIBUTES &&
		       !span_eq_nocase(key, span_of(names[a])))
			a++;
		if (a == ATTRIBUTES || c->given[a] || value.p == NULL ||
		    take_value(value, c->value[a]) != 0 ||
		    !is_good((enum attribute)a, c->value[a]))
			return -1;
		c->given[a] = true;
	}
	return more;
}

/* From now on the client is who it is said to be. */
static void
believe(struct smtp_session *s, const struct claim *c)
{
	uint64_t port = 0;

	if (c->given[ADDR]) {
		const char *address =
		    c->value[ADDR][0] != '\0' ? c->value[ADDR] : "unknown";
		(void)span_copy(span_of(address), s->address,
				sizeof(s->address));
		s->info.address = s->address;
		s->info.is_unix = false;
		/* what is loopback elsewhere is not so here */
		s->info.is_loopback =
		    s->peer->is_loopback && (strncmp(address, "127.", 4) == 0 ||
					     strcmp(address, "::1") == 0);
	}
	if (c->given[ADDR] || c->given[NAME]) {
		struct span name = span_of(c->value[NAME]);
		bool good = address_domain_is_valid(name, false);
		(void)span_copy(good ? name : span_of(""), s->name,
				sizeof(s->name));
		s->info.name = c->given[NAME] ? s->name : NULL;
	}
	if (c->given[PORT] && span_u64(span_of(c->value[PORT]), &port) == 0)
		s->info.port = (uint16_t)port;
	if (c->value[LOGIN][0] != '\0') {
		(void)span_copy(span_of(c->value[LOGIN]), s->user.address,
				sizeof(s->user.address));
		s->info.login = s->user.address;
	}
}

int
smtp_server_xclient(struct smtp_session *s, struct span args, struct err *e)
{
	const struct smtp_server_ops *ops = &s->server->ops;
	struct claim c = { 0 };
	struct log_line l;

	if (!smtp_server_may_xclient(s))
		return smtp_server_answerf(s, e, 550, "5.7.1",
					   "XCLIENT is not for you");
	if (parse(args, &c) != 0)
		return smtp_server_answerf(
		    s, e, 501, "5.5.4",
		    "Bad or unknown attribute, or one twice");
	if (s->connected && ops->on_disconnect != NULL)
		ops->on_disconnect(s->server->ctx, &s->info);
	s->connected = false;
	s->info.policy = s->info.filter = NULL;
	smtp_server_begin_anew(s);
	believe(s, &c);
	smtp_server_log(s, &l, LOG_INFO, "xclient");
	log_str(&l, "from", s->peer->address);
	log_str(&l, "client", s->info.address);
	log_str(&l, "login", s->info.login);
	log_end(&l);
	if (s->info.login[0] != '\0' &&
	    listener_place_login(s->peer, s->info.login) != 0)
		return smtp_server_bye(s, e, "too-many-sessions", 421, "4.7.0",
				       "Too many connections of this user");
	return smtp_server_greet(s, e);
}
