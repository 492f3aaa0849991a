#include "milter/milter_chain.h"

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "milter/milter_chain_private.h"

/* ---- one milter -----------------------------------------------------------
 */

void
milter_chain_fall_back(const struct milter_member *m, struct smtp_reply *r)
{
	switch (m->config->fallback) {
	case MILTER_TO_ACCEPT:
		return;
	case MILTER_TO_TEMPFAIL:
		reply_set(r, 451, "4.7.1",
			  "A filter is not available, try again later");
		return;
	case MILTER_TO_REJECT:
		reply_set(r, 550, "5.7.1", "A filter is not available");
		return;
	}
}

void
milter_chain_fail(struct milter_chain *c, struct milter_member *m,
		  const char *step, const struct err *why, struct smtp_reply *r)
{
	static const char *const words[] = {
		[MILTER_TO_TEMPFAIL] = "tempfail",
		[MILTER_TO_ACCEPT] = "accept",
		[MILTER_TO_REJECT] = "reject",
	};
	struct log_line l;

	log_begin(&l, LOG_ERROR, "milter-failed");
	log_str(&l, "session", c->client.session);
	log_str(&l, "milter", m->config->at.name);
	log_str(&l, "step", step);
	log_str(&l, "default", words[m->config->fallback]);
	log_err(&l, why);
	log_end(&l);
	milter_session_close(&m->session);
	m->state = MEMBER_FAILED;
	/* It was not its fault: nothing passes unseen because we stop. */
	if (why->class == ERR_STOP)
		reply_set(r, 421, "4.3.2", "Shutting down, closing");
	else
		milter_chain_fall_back(m, r);
}

static void
log_refusal(const struct milter_chain *c, const struct milter_member *m,
	    const char *step, const struct smtp_reply *r)
{
	struct log_line l;

	log_begin(&l, LOG_INFO, "milter-refused");
	log_str(&l, "session", c->client.session);
	if (c->facts->id != NULL)
		log_str(&l, "id", c->facts->id);
	log_str(&l, "milter", m->config->at.name);
	log_str(&l, "step", step);
	log_num(&l, "code", r->code);
	log_str(&l, "text", r->text);
	log_end(&l);
}

bool
milter_chain_decided(struct milter_chain *c, struct milter_member *m,
		     const char *step, const struct milter_verdict *v,
		     struct smtp_reply *r)
{
	struct err e;

	switch (v->what) {
	case MILTER_GOES_ON:
	case MILTER_SKIPS:
		return false;
	case MILTER_ACCEPTS:
		m->done = true;
		return true;
	case MILTER_DISCARDS:
		if (!c->in_message) {
			(void)err_set(&e, ERR_PROTO, 0,
				      "wants to discard what is no message");
			milter_chain_fail(c, m, step, &e, r);
			return true;
		}
		m->done = true;
		if (c->discards == NULL)
			c->discards = m->config->at.name;
		return true;
	case MILTER_REFUSES:
		*r = v->reply;
		log_refusal(c, m, step, r);
		return true;
	}
	return true;
}

/* ---- the session ----------------------------------------------------------
 */

int
milter_chain_new(struct milter_chain **out, struct milter_setup *setup,
		 struct milter_facts *f, const struct milter_client *client,
		 struct err *e)
{
	size_t n = milter_setup_count(setup);
	struct milter_chain *c = calloc(1, sizeof(*c) + n * sizeof(c->v[0]));

	if (c == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "milters");
	c->setup = milter_setup_hold(setup);
	c->facts = f;
	c->client = *client;
	c->n = n;
	for (size_t i = 0; i < n; i++)
		c->v[i].config = milter_setup_at(setup, i);
	*out = c;
	return 0;
}

void
milter_chain_free(struct milter_chain **out)
{
	struct milter_chain *c = *out;

	*out = NULL;
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->n; i++)
		milter_session_close(&c->v[i].session);
	milter_setup_drop(&c->setup);
	free(c);
}

/* Ask a milter that is there and has not said that it is content. */
static bool
is_asked(const struct milter_member *m)
{
	return m->state == MEMBER_OPEN && !m->done;
}

/* HELO to one of them. */
static void
greet(struct milter_chain *c, struct milter_member *m, const char *name,
      struct smtp_reply *r)
{
	const struct span text = span_of(name);
	struct milter_verdict v;
	struct err e;

	if (milter_session_say(m->session, MILTER_HELO, &text, 1, c->facts, &v,
			       &e) != 0) {
		milter_chain_fail(c, m, "helo", &e, r);
		return;
	}
	(void)milter_chain_decided(c, m, "helo", &v, r);
	m->content = m->done;
}

/* Connect to one of them and tell it of the client. */
static void
open_one(struct milter_chain *c, struct milter_member *m, struct smtp_reply *r)
{
	struct milter_verdict v;
	struct err e;

	if (milter_session_open(&m->session, &m->config->at, c->client.stop,
				&e) != 0 ||
	    milter_session_connect(m->session, c->facts, c->client.port, &v,
				   &e) != 0) {
		milter_chain_fail(c, m, "connect", &e, r);
		return;
	}
	m->state = MEMBER_OPEN;
	(void)milter_chain_decided(c, m, "connect", &v, r);
	m->content = m->done;
}

void
milter_chain_connect(struct milter_chain *c, struct smtp_reply *r)
{
	for (size_t i = 0; i < c->n; i++) {
		struct smtp_reply one = { 0 };
		open_one(c, &c->v[i], &one);
		/* One that is down is tried again with the first message: the
		 * client may have come only to say NOOP. */
		if (one.code != 0 && c->v[i].state == MEMBER_OPEN) {
			*r = one;
			return;
		}
	}
}

void
milter_chain_helo(struct milter_chain *c, const char *name,
		  struct smtp_reply *r)
{
	for (size_t i = 0; i < c->n; i++) {
		struct milter_member *m = &c->v[i];
		struct smtp_reply one = { 0 };
		if (!is_asked(m))
			continue;
		greet(c, m, name, &one);
		if (one.code != 0 && m->state == MEMBER_OPEN) {
			*r = one;
			return;
		}
	}
}

void
milter_chain_unknown(struct milter_chain *c, struct span line,
		     struct smtp_reply *r)
{
	for (size_t i = 0; i < c->n; i++) {
		struct milter_member *m = &c->v[i];
		struct milter_verdict v = { .what = MILTER_GOES_ON };
		struct smtp_reply none; /* it is refused anyhow */
		struct err e;
		if (!is_asked(m))
			continue;
		if (milter_session_say(m->session, MILTER_UNKNOWN, &line, 1,
				       NULL, &v, &e) != 0)
			milter_chain_fail(c, m, "unknown", &e, &none);
		else if (v.what == MILTER_REFUSES)
			*r = v.reply;
	}
}

/* ---- the envelope ---------------------------------------------------------
 */

/* One that failed before is tried once more with every message. */
static void
reopen(struct milter_chain *c, struct milter_member *m, struct smtp_reply *r)
{
	open_one(c, m, r);
	if (r->code == 0 && is_asked(m) && c->client.helo[0] != '\0')
		greet(c, m, c->client.helo, r);
	/* It does not want this client: it is asked again, not told more. */
	if (r->code != 0 && m->state == MEMBER_OPEN) {
		milter_session_close(&m->session);
		m->state = MEMBER_CLOSED;
	}
	m->done = m->content;
}

/* A command of the envelope to all; stops at the first refusal. */
static void
say(struct milter_chain *c, enum milter_command command, const char *step,
    const struct span *text, size_t n, struct smtp_reply *r)
{
	struct smtp_reply one = { 0 };

	for (size_t i = 0; i < c->n && one.code == 0; i++) {
		struct milter_member *m = &c->v[i];
		struct milter_verdict v;
		struct err e;
		if (m->state == MEMBER_FAILED) {
			milter_chain_fall_back(m, &one);
			continue;
		}
		if (!is_asked(m))
			continue;
		m->told = true;
		if (milter_session_say(m->session, command, text, n, c->facts,
				       &v, &e) != 0)
			milter_chain_fail(c, m, step, &e, &one);
		else
			(void)milter_chain_decided(c, m, step, &v, &one);
	}
	if (one.code != 0)
		*r = one;
}

void
milter_chain_mail(struct milter_chain *c, const struct span *text, size_t n,
		  struct smtp_reply *r)
{
	struct smtp_reply one = { 0 };

	c->in_message = true;
	c->discards = NULL;
	for (size_t i = 0; i < c->n && one.code == 0; i++) {
		struct milter_member *m = &c->v[i];
		m->done = m->content;
		if (m->state != MEMBER_OPEN)
			reopen(c, m, &one);
	}
	if (one.code != 0)
		*r = one;
	else
		say(c, MILTER_MAIL, "mail", text, n, r);
}

void
milter_chain_rcpt(struct milter_chain *c, const struct span *text, size_t n,
		  struct smtp_reply *r)
{
	say(c, MILTER_RCPT, "rcpt", text, n, r);
}

void
milter_chain_data(struct milter_chain *c, struct smtp_reply *r)
{
	say(c, MILTER_DATA, "data", NULL, 0, r);
}

void
milter_chain_abort(struct milter_chain *c)
{
	for (size_t i = 0; i < c->n; i++) {
		struct milter_member *m = &c->v[i];
		struct smtp_reply none;
		struct err e;
		if (m->state == MEMBER_OPEN && m->told &&
		    milter_session_abort(m->session, &e) != 0)
			milter_chain_fail(c, m, "abort", &e, &none);
		m->told = false;
		m->done = m->content;
	}
	c->in_message = false;
	c->discards = NULL;
}

void
milter_chain_restart(struct milter_chain *c)
{
	for (size_t i = 0; i < c->n; i++) {
		struct milter_member *m = &c->v[i];
		milter_session_close(&m->session);
		*m = (struct milter_member){ .config = m->config };
	}
	c->in_message = false;
	c->discards = NULL;
}

const char *
milter_chain_discards(const struct milter_chain *c)
{
	return c->discards;
}

bool
milter_chain_is_done(const struct milter_chain *c)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct milter_member *m = &c->v[i];
		bool settled = m->state == MEMBER_FAILED
				   ? m->config->fallback == MILTER_TO_ACCEPT
				   : m->done;
		if (!settled)
			return false;
	}
	return true;
}
