#include <stdio.h>

#include "base/clock.h"
#include "mail/release.h"
#include "smtp/smtp_server_private.h"

/*
 * MAIL FROM:<reverse-path> [parameters] (RFC 5321 4.1.1.2): begins the
 * transaction when the policy agrees.
 */

int
smtp_server_param(struct span *rest, struct span *key, struct span *value)
{
	struct span word = span_word(rest);

	*value = span_make(NULL, 0);
	*key = word;
	if (word.n == 0)
		return 0;
	long eq = span_find(word, '=', 0);
	if (eq >= 0) {
		*key = span_head(word, (size_t)eq);
		*value = span_skip(word, (size_t)eq + 1);
		if (value->n == 0)
			return -1;
	}
	/* esmtp-keyword = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-") */
	for (size_t i = 0; i < key->n; i++) {
		char c = (char)span_lower(key->p[i]);
		if (!(c >= 'a' && c <= 'z') && !span_is_digit(c) &&
		    !(c == '-' && i > 0))
			return -1;
	}
	/* esmtp-value: printable, no "=" except in AUTH= and the like, where
	 * the parameter's own grammar decides; UTF-8 as RFC 6531 3.3 adds. */
	for (size_t i = 0; i < value->n; i++) {
		unsigned char c = (unsigned char)value->p[i];
		if (c <= 0x20 || c == 0x7f)
			return -1;
	}
	return key->n > 0 ? 1 : -1;
}

/* RFC 4954 5: xtext (RFC 3461 4) of a mailbox, or "<>".  What it claims is not
 * used: whoever logged in is named by AUTH itself. */
static bool
is_auth_value(struct span v)
{
	return span_eq(v, span_of("<>")) || (v.n > 0 && dsn_xtext_is_valid(v));
}

/* Letters, digits, ".-_": a delivery id is written into files and logs. */
static bool
is_delivery_id(struct span v)
{
	for (size_t i = 0; i < v.n; i++) {
		char c = v.p[i];
		bool letter = span_lower(c) >= 'a' && span_lower(c) <= 'z';
		if (!letter && !span_is_digit(c) && c != '.' && c != '-' &&
		    c != '_')
			return false;
	}
	return v.n > 0 && v.n <= SMTP_DELIVERY_ID_MAX;
}

/* What the parameters said. */
struct mail_params {
	/* seen: each may stand once */
	bool size, body, utf8, auth, ret, envid, delivery_id, release;
	bool require_tls;
	int64_t size_bytes;
	enum smtp_body body_type;
	enum dsn_ret ret_type;
	struct span envid_text, delivery_id_text;
	int64_t release_s;
	char release_text[RELEASE_REQUEST_MAX + 1];
};

enum param_result { PARAM_OK, PARAM_BAD, PARAM_UNKNOWN };

static bool
take_size(struct span value, struct mail_params *p)
{
	uint64_t bytes = 0;

	/* RFC 1870 4: 1*20DIGIT.  One that does not fit is a size too, and too
	 * large for any limit. */
	if (value.n == 0 || value.n > 20)
		return false;
	for (size_t i = 0; i < value.n; i++) {
		if (!span_is_digit(value.p[i]))
			return false;
	}
	if (span_u64(value, &bytes) != 0 || bytes > INT64_MAX)
		bytes = INT64_MAX;
	p->size_bytes = (int64_t)bytes;
	return true;
}

/*
 * HOLDFOR and HOLDUNTIL (RFC 4865 4); one excludes the other, so both are one
 * parameter here.  A time that is over is no error: it may have been to come
 * when the client wrote it, and means now.
 */
static bool
take_release(const struct smtp_server_options *o, bool until, struct span value,
	     struct mail_params *p)
{
	int64_t now_s = clock_wall_s(), ahead_s = 0;

	if (until) {
		if (release_date_parse(value, &p->release_s) != 0)
			return false;
		ahead_s = p->release_s - now_s;
	} else {
		if (release_interval_parse(value, &ahead_s) != 0)
			return false;
		p->release_s = now_s + ahead_s;
	}
	int n = snprintf(p->release_text, sizeof(p->release_text), "%s;%.*s",
			 until ? "until" : "for", SPAN_ARG(value));
	return n > 0 && (size_t)n < sizeof(p->release_text) &&
	       ahead_s <= o->future_release_max_s;
}

static bool *
take_hold(const struct smtp_server_options *o, struct span key,
	  struct span value, struct mail_params *p, bool *ok)
{
	bool until = span_eq_nocase(key, span_of("HOLDUNTIL"));

	if (o->future_release_max_s <= 0 ||
	    (!until && !span_eq_nocase(key, span_of("HOLDFOR"))))
		return NULL;
	*ok = !p->release && take_release(o, until, value, p);
	return &p->release;
}

/* The parameters of extensions that a service need not offer; NULL when it is
 * none of them. */
static bool *
take_optional(const struct smtp_session *s, struct span key, struct span value,
	      struct mail_params *p, bool *ok)
{
	const struct smtp_server_options *o = &s->server->o;

	if (o->sasl != NULL && span_eq_nocase(key, span_of("AUTH"))) {
		*ok = is_auth_value(value);
		return &p->auth;
	}
	if (o->dsn && span_eq_nocase(key, span_of("RET"))) {
		*ok = dsn_ret_parse(value, &p->ret_type) == 0;
		return &p->ret;
	}
	if (o->dsn && span_eq_nocase(key, span_of("ENVID"))) {
		*ok = dsn_envid_is_valid(value);
		p->envid_text = value;
		return &p->envid;
	}
	if (span_eq_nocase(key, span_of("XPOSTPAIRID")) &&
	    smtp_server_believes_ids(s)) {
		*ok = is_delivery_id(value);
		p->delivery_id_text = value;
		return &p->delivery_id;
	}
	return take_hold(o, key, value, p, ok);
}

static enum param_result
take_param(const struct smtp_session *s, struct span key, struct span value,
	   struct mail_params *p)
{
	bool *seen = NULL, ok = false;

	if (span_eq_nocase(key, span_of("SIZE"))) {
		seen = &p->size;
		ok = take_size(value, p);
	} else if (span_eq_nocase(key, span_of("BODY"))) { /* RFC 6152 2 */
		seen = &p->body;
		bool eight = span_eq_nocase(value, span_of("8BITMIME"));
		p->body_type = eight ? SMTP_BODY_8BITMIME : SMTP_BODY_7BIT;
		ok = eight || span_eq_nocase(value, span_of("7BIT"));
	} else if (span_eq_nocase(key, span_of("SMTPUTF8"))) {
		seen = &p->utf8;
		ok = value.p == NULL; /* RFC 6531 3.4: takes no value */
	} else if (smtp_server_may_require_tls(s) &&
		   span_eq_nocase(key, span_of("REQUIRETLS"))) {
		seen = &p->require_tls;
		ok = value.p == NULL; /* RFC 8689 2 (4): takes no value */
	} else {
		seen = take_optional(s, key, value, p, &ok);
	}
	if (seen == NULL)
		return PARAM_UNKNOWN;
	if (*seen || !ok)
		return PARAM_BAD;
	*seen = true;
	return PARAM_OK;
}

/* 0 when all are good; 1 when a refusal was answered; -1 as the verb. */
static int
take_params(struct smtp_session *s, struct span rest, struct mail_params *p,
	    struct err *e)
{
	struct span key, value;
	int more;

	while ((more = smtp_server_param(&rest, &key, &value)) != 0) {
		enum param_result got = PARAM_BAD;
		/* A HELO client has been offered no extension (4.1.1.1). */
		if (more > 0)
			got = s->info.esmtp ? take_param(s, key, value, p)
					    : PARAM_UNKNOWN;
		if (got == PARAM_OK)
			continue;
		int rc = got == PARAM_BAD
			     ? smtp_server_answerf(
				   s, e, 501, "5.5.4",
				   "Bad value or form of parameter %.*s",
				   SPAN_ARG(span_head(key, 40)))
			     : smtp_server_answerf(
				   s, e, 555, "5.5.4", "Unknown parameter %.*s",
				   SPAN_ARG(span_head(key, 40)));
		return rc == 0 ? 1 : -1;
	}
	return 0;
}

static void
log_verdict(const struct smtp_session *s, const char *from,
	    const struct smtp_reply *r)
{
	struct log_line l;

	smtp_server_log(s, &l, LOG_INFO, "smtp-mail");
	log_str(&l, "from", from);
	log_num(&l, "size", s->txn.declared_size);
	log_num(&l, "code", r->code);
	if (r->code >= 300)
		log_str(&l, "text", r->text);
	log_end(&l);
}

static int
keep_texts(struct smtp_session *s, const struct mail_params *p)
{
	struct smtp_txn *t = &s->txn;

	if (p->envid)
		t->envid = arena_str(t->arena, p->envid_text);
	if (p->delivery_id)
		t->delivery_id = arena_str(t->arena, p->delivery_id_text);
	if (p->release) {
		t->release_s = p->release_s;
		t->release = arena_str(t->arena, span_of(p->release_text));
	}
	return (p->envid && t->envid == NULL) ||
		       (p->delivery_id && t->delivery_id == NULL) ||
		       (p->release && t->release == NULL)
		   ? -1
		   : 0;
}

/* The path and its parameters are good: ask the policy. */
static int
begin(struct smtp_session *s, const struct address *a,
      const struct mail_params *p, struct err *e)
{
	const struct smtp_server *server = s->server;
	char canonical[ADDRESS_SIZE], text[ADDRESS_SIZE];
	struct smtp_reply r = { 0 };

	if (address_canonical(a, canonical) != 0 || address_text(a, text) != 0)
		return smtp_server_answerf(s, e, 501, "5.1.7",
					   "Address too long");
	if (smtp_server_txn_open(s, canonical, text, e) != 0) {
		struct log_line l;
		smtp_server_log(s, &l, LOG_ERROR, "receive-failed");
		log_str(&l, "step", "mail");
		log_err(&l, e);
		log_end(&l);
		reply_from_err(&r, e);
		return smtp_server_answer(s, &r, e);
	}
	s->txn.declared_size = p->size ? p->size_bytes : -1;
	s->txn.body = p->body_type;
	s->txn.smtputf8 = p->utf8;
	s->txn.require_tls = p->require_tls;
	s->txn.ret = p->ret_type;
	if (keep_texts(s, p) != 0) {
		smtp_server_txn_drop(s);
		return smtp_server_answerf(s, e, 451, "4.3.0",
					   "Out of memory, try again later");
	}
	server->ops.on_mail(server->ctx, &s->info, &s->txn, &r);
	bool accepted = smtp_server_accepts(&r);
	log_verdict(s, text, &r);
	if (accepted)
		s->state = SMTP_ST_MAIL;
	int rc = smtp_server_answer(s, &r, e);
	if (!accepted)
		smtp_server_txn_drop(s);
	return rc;
}

int
smtp_server_mail(struct smtp_session *s, struct span args, struct err *e)
{
	const struct smtp_server_options *o = &s->server->o;
	const struct span from = span_of("FROM:");
	struct mail_params p = { 0 };
	struct address a;
	struct span rest;
	struct err why;

	if (o->auth_required && s->user.address[0] == '\0')
		return smtp_server_answerf(s, e, 530, "5.7.0",
					   "Log in first (AUTH)");
	if (!span_starts_nocase(args, from))
		return smtp_server_answerf(s, e, 501, "5.5.4",
					   "Syntax: MAIL FROM:<address>");
	/* No space belongs after the colon (3.3), but many send one. */
	args = span_trim(span_skip(args, from.n));
	if (address_parse_path(args,
			       ADDRESS_ALLOW_NULL | ADDRESS_ALLOW_UTF8 |
				   ADDRESS_ALLOW_BARE,
			       &a, &rest, &why) != 0)
		return smtp_server_answerf(s, e, 501, "5.1.7", "%s", why.msg);
	if (rest.n > 0 && !span_is_blank(rest.p[0]))
		return smtp_server_answerf(s, e, 501, "5.5.4",
					   "Syntax: MAIL FROM:<address>");
	int rc = take_params(s, rest, &p, e);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	if (a.is_utf8 && !p.utf8) /* RFC 6531 3.5 */
		return smtp_server_answerf(s, e, 553, "5.6.7",
					   "Such an address needs SMTPUTF8");
	if (p.size && o->size_max_bytes > 0 && p.size_bytes > o->size_max_bytes)
		return smtp_server_answerf(s, e, 552, "5.3.4",
					   "Message too big: the limit is %lld",
					   (long long)o->size_max_bytes);
	return begin(s, &a, &p, e);
}
