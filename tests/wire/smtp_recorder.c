#include "smtp_recorder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "mail/header.h"

void
smtp_recorder_init(struct smtp_recorder *r)
{
	*r = (struct smtp_recorder){ 0 };
	buf_init(&r->events, 4 * 1024 * 1024);
	buf_init(&r->text, 64 * 1024 * 1024);
	buf_init(&r->messages, 64 * 1024 * 1024);
}

void
smtp_recorder_clear(struct smtp_recorder *r)
{
	buf_free(&r->events);
	buf_free(&r->text);
	buf_free(&r->messages);
}

static bool
is_local(const char *address, const char *local)
{
	size_t n = strlen(local);

	return strncmp(address, local, n) == 0 && address[n] == '@';
}

static void
must(struct smtp_recorder *r, bool ok, const char *promise)
{
	if (!ok && r->broken == NULL)
		r->broken = promise;
}

static void
on_connect(void *ctx, struct smtp_client_info *c, struct smtp_reply *r)
{
	struct smtp_recorder *rec = ctx;

	must(rec, c->policy == NULL && c->helo[0] == '\0',
	     "on_connect not at the start");
	c->policy = rec;
	rec->connects++;
	if (rec->connect_code != 0)
		(void)buf_addf(&rec->events, "connect %s\n", c->address);
	reply_set(r, rec->connect_code != 0 ? rec->connect_code : 250,
		  rec->connect_code >= 500 ? "5.7.1" : "4.7.1",
		  "Not from there");
}

static void
on_disconnect(void *ctx, struct smtp_client_info *c)
{
	struct smtp_recorder *rec = ctx;

	must(rec, c->policy == rec && !rec->open,
	     "on_disconnect not at the end");
	rec->disconnects++;
	if (rec->connect_code != 0)
		(void)buf_add_str(&rec->events, "disconnect\n");
}

static void
on_helo(void *ctx, const struct smtp_client_info *c, const char *name,
	bool esmtp, struct smtp_reply *r)
{
	(void)ctx;
	(void)c;
	(void)esmtp;
	if (strcmp(name, "refused.test") == 0)
		reply_set(r, 550, "5.7.1", "Not by that name");
	else if (strcmp(name, "temp.test") == 0)
		reply_set(r, 450, "4.7.1", "Not by that name now");
}

static void
on_unknown(void *ctx, const struct smtp_client_info *c, struct span line,
	   struct smtp_reply *r)
{
	(void)ctx;
	(void)c;
	if (span_eq(line, span_of("REFUSED")))
		reply_set(r, 554, "5.7.1", "Not that");
	else if (span_eq(line, span_of("ACCEPTED")))
		reply_set(r, 250, "2.0.0", "Why not");
}

static void
on_mail(void *ctx, const struct smtp_client_info *c, struct smtp_txn *txn,
	struct smtp_reply *r)
{
	struct smtp_recorder *rec = ctx;

	must(rec, !rec->open, "on_mail during a transaction");
	must(rec, rec->connects == 0 || c->policy == rec,
	     "the session lost its policy");
	must(rec, txn->n_recipients == 0, "on_mail with recipients");
	(void)buf_addf(
	    &rec->events, "mail %s size=%lld%s%s%s%s%s%s\n", txn->reverse_path,
	    (long long)txn->declared_size,
	    txn->body == SMTP_BODY_8BITMIME ? " 8bit" : "",
	    txn->smtputf8 ? " utf8" : "", txn->require_tls ? " requiretls" : "",
	    c->esmtp ? " esmtp" : "", c->login[0] ? " login=" : "", c->login);
	if (txn->ret != DSN_RET_NONE || txn->envid != NULL)
		(void)buf_addf(&rec->events, "ret=%s envid=%s\n",
			       txn->ret != DSN_RET_NONE ? dsn_ret_text(txn->ret)
							: "",
			       txn->envid != NULL ? txn->envid : "");
	if (txn->release_s != 0)
		(void)buf_addf(&rec->events, "release=%s in %s\n", txn->release,
			       txn->release_s > clock_wall_s() + 3000
				   ? "an hour"
			       : txn->release_s > clock_wall_s() ? "less"
								 : "no time");
	if (txn->delivery_id != NULL)
		(void)buf_addf(&rec->events, "id=%s\n", txn->delivery_id);
	if (is_local(txn->reverse_path, "refused"))
		reply_set(r, 550, "5.7.1", "Not you");
	else if (is_local(txn->reverse_path, "temp"))
		reply_set(r, 451, "4.7.1", "Not now");
	else if (is_local(txn->reverse_path, "shut"))
		reply_set(r, 421, "4.3.2", "Closing");
	else if (!is_local(txn->reverse_path, "zero"))
		reply_set(r, 250, "2.1.0", "Sender OK");
	if (r->code == 250) {
		rec->mails++;
		rec->open = true;
		txn->policy = rec;
		buf_clear(&rec->text);
	}
}

static void
on_rcpt(void *ctx, const struct smtp_client_info *c, struct smtp_txn *txn,
	struct smtp_txn_rcpt *rcpt, struct smtp_reply *r)
{
	struct smtp_recorder *rec = ctx;
	const char *at = strrchr(rcpt->canonical, '@');

	(void)c;
	must(rec, rec->open && txn->policy == rec, "on_rcpt out of order");
	(void)buf_addf(&rec->events, "rcpt %s\n", rcpt->canonical);
	if (rcpt->notify != 0 || rcpt->orcpt != NULL) {
		char notify[DSN_NOTIFY_SIZE];
		dsn_notify_text(rcpt->notify, notify);
		(void)buf_addf(&rec->events, "notify=%s orcpt=%s\n", notify,
			       rcpt->orcpt != NULL ? rcpt->orcpt : "");
	}
	rcpt->policy = rec;
	if (at == NULL)
		reply_set(r, 250, "2.1.5", "Postmaster OK");
	else if (strcmp(at, "@xyz.com") != 0)
		reply_set(r, 550, "5.7.1", "Relaying denied");
	else if (is_local(rcpt->canonical, "nobody"))
		reply_set(r, 550, "5.1.1", "No such user");
	else if (is_local(rcpt->canonical, "full"))
		reply_set(r, 452, "4.2.2", "Mailbox full");
	else if (is_local(rcpt->canonical, "far"))
		reply_set(r, 251, "2.1.5", "Will forward");
	else
		reply_set(r, 250, "2.1.5", "Recipient OK");
}

static void
on_data(void *ctx, const struct smtp_client_info *c, struct smtp_txn *txn,
	struct smtp_reply *r)
{
	struct smtp_recorder *rec = ctx;

	(void)c;
	must(rec, rec->open && txn->n_recipients > 0, "on_data out of order");
	for (unsigned i = 0; i < txn->n_recipients; i++)
		must(rec, txn->recipients[i].policy == rec,
		     "a recipient lost its policy");
	(void)buf_add_str(&rec->events, "data\n");
	if (is_local(txn->reverse_path, "nodata"))
		reply_set(r, 451, "4.3.0", "No data now");
	else
		reply_set(r, 250, NULL, "go on");
}

static int
take_text(struct smtp_recorder *rec, const struct smtp_txn *txn,
	  struct span bytes, struct err *e)
{
	if (is_local(txn->reverse_path, "diskfull"))
		return err_set(e, ERR_TEMP, ENOSPC, "write");
	return buf_add_span(&rec->text, bytes) == 0
		   ? 0
		   : err_set(e, ERR_LIMIT, 0, "test message too large");
}

static int
on_header(void *ctx, struct smtp_txn *txn, struct span block, bool whole,
	  struct err *e)
{
	struct smtp_recorder *rec = ctx;
	long end = header_block_end(block);

	must(rec, rec->open && !rec->has_header, "on_header out of order");
	must(rec, end < 0 || (whole && (size_t)end == block.n),
	     "a header with some body");
	must(rec,
	     whole ? block.n <= HEADER_BLOCK_MAX : block.n == HEADER_BLOCK_MAX,
	     "a header over its limit");
	rec->has_header = true;
	return block.n == 0 ? 0 : take_text(rec, txn, block, e);
}

static int
on_body(void *ctx, struct smtp_txn *txn, struct span bytes, struct err *e)
{
	struct smtp_recorder *rec = ctx;

	must(rec, rec->open && rec->has_header && bytes.n > 0,
	     "on_body out of order");
	return take_text(rec, txn, bytes, e);
}

/* The recipients "over" and "gone" are refused after the data. */
static void
set_own_verdict(struct smtp_txn *txn, struct smtp_txn_rcpt *rcpt)
{
	bool over = is_local(rcpt->canonical, "over");

	if (!over && !is_local(rcpt->canonical, "gone"))
		return;
	struct smtp_reply *own = arena_alloc(txn->arena, sizeof(*own));
	if (own == NULL)
		abort();
	if (over)
		reply_set(own, 452, "4.2.2", "Over quota now");
	else
		reply_set(own, 421, "4.3.0", "Gone");
	rcpt->reply = own;
}

static void
on_end(void *ctx, const struct smtp_client_info *c, struct smtp_txn *txn,
       struct smtp_reply *r)
{
	struct smtp_recorder *rec = ctx;

	(void)c;
	must(rec, rec->open && rec->has_header, "on_end out of order");
	rec->ends++;
	(void)buf_add_str(&rec->events, "end\n");
	if (is_local(txn->reverse_path, "late")) {
		reply_set(r, 554, "5.6.0", "Bad content");
		return;
	}
	rec->stored++;
	(void)buf_addf(&rec->messages, "%zu\n", rec->text.n);
	(void)buf_add_span(&rec->messages, buf_span(&rec->text));
	for (unsigned i = 0; i < txn->n_recipients; i++)
		set_own_verdict(txn, &txn->recipients[i]);
	reply_set(r, 250, "2.0.0", "Stored as %d", rec->stored);
}

static void
on_reset(void *ctx, struct smtp_txn *txn)
{
	struct smtp_recorder *rec = ctx;

	must(rec, rec->open && txn->policy == rec, "on_reset out of order");
	(void)buf_add_str(&rec->events, "reset\n");
	rec->resets++;
	rec->open = rec->has_header = false;
	buf_clear(&rec->text);
}

static void
on_queue(void *ctx, const struct smtp_client_info *c, const char *id,
	 struct smtp_reply *r)
{
	struct smtp_recorder *rec = ctx;

	must(rec, !rec->open && c->login[0] != '\0', "on_queue out of order");
	(void)buf_addf(&rec->events, "queue %s %s\n", c->login,
		       id != NULL ? id : "LIST");
	if (id == NULL)
		reply_set(r, 250, "2.0.0",
			  "q1 now 12 <bob@xyz.com>\n1 message");
	else if (strcmp(id, "q1") == 0)
		reply_set(r, 250, "2.0.0", "q1 cancelled");
	else
		reply_set(r, 550, "5.5.4", "No such message of yours");
}

const struct smtp_server_ops smtp_recorder_ops = {
	.on_connect = on_connect,
	.on_disconnect = on_disconnect,
	.on_helo = on_helo,
	.on_unknown = on_unknown,
	.on_mail = on_mail,
	.on_rcpt = on_rcpt,
	.on_data = on_data,
	.on_header = on_header,
	.on_body = on_body,
	.on_end = on_end,
	.on_reset = on_reset,
	.on_queue = on_queue,
};

/* ---- SASL for tests: the engine's side of auth/sasl.h ----------------------
 */
struct sasl {
	bool quick;
};
struct sasl_exchange {
	const struct sasl *sasl;
	int asked; /* LOGIN: 1 user name, 2 password */
	bool right;
};

struct sasl *
smtp_recorder_sasl(void)
{
	static struct sasl one;

	return &one;
}

struct sasl *
smtp_recorder_quick_sasl(void)
{
	static struct sasl one = { .quick = true };

	return &one;
}

const char *
sasl_mechanisms(struct sasl *s, const struct sasl_channel *c,
		char buf[SASL_MECHANISMS_SIZE])
{
	(void)s;
	(void)c;
	(void)snprintf(buf, SASL_MECHANISMS_SIZE, "PLAIN LOGIN");
	return buf;
}

void
sasl_answer_init(struct sasl_answer *a)
{
	*a = (struct sasl_answer){ 0 };
	buf_init(&a->challenge, SASL_LINE_MAX);
}

void
sasl_answer_clear(struct sasl_answer *a)
{
	buf_free(&a->challenge);
}

/* base64 of "\0alice@abc.com\0secret", of "\0down\0x", "\0many\0x", and of
 * LOGIN's. */
static const char plain_right[] = "AGFsaWNlQGFiYy5jb20Ac2VjcmV0";
static const char plain_down[] = "AGRvd24AeA==";
static const char plain_limited[] = "AG1hbnkAeA==";
static const char login_user[] = "YWxpY2VAYWJjLmNvbQ==";
static const char login_password[] = "c2VjcmV0";

static enum sasl_result
verdict(const struct sasl *s, bool right, struct sasl_answer *a)
{
	if (!right && s->quick)
		return SASL_MALFORMED;
	(void)snprintf(a->user.address, sizeof(a->user.address), "%s",
		       "alice@abc.com");
	return right ? SASL_OK : SASL_REFUSED;
}

static enum sasl_result
check_plain(const struct sasl *s, struct span response, struct sasl_answer *a)
{
	if (span_eq(response, span_of(plain_down))) {
		(void)err_set(&a->err, ERR_TEMP, EIO, "users");
		return SASL_UNAVAILABLE;
	}
	if (span_eq(response, span_of(plain_limited)))
		return SASL_LIMITED;
	if (response.n < 4 || response.n % 4 != 0)
		return SASL_MALFORMED;
	return verdict(s, span_eq(response, span_of(plain_right)), a);
}

enum sasl_result
sasl_start(struct sasl *s, const struct sasl_channel *c, struct span mechanism,
	   struct span initial, struct sasl_exchange **x, struct sasl_answer *a)
{
	bool login = span_eq_nocase(mechanism, span_of("LOGIN"));

	(void)c;
	*x = NULL;
	if (!login && !span_eq_nocase(mechanism, span_of("PLAIN")))
		return SASL_UNKNOWN;
	if (!login && initial.p != NULL)
		return check_plain(s, initial, a);
	*x = calloc(1, sizeof(**x));
	if (*x == NULL)
		return SASL_UNAVAILABLE;
	(*x)->sasl = s;
	(*x)->asked = login ? 1 : 0;
	if (login && initial.p != NULL)
		return sasl_step(x, initial, a);
	if (login)
		(void)buf_add_str(&a->challenge, "VXNlcm5hbWU6");
	return SASL_CONTINUE;
}

enum sasl_result
sasl_step(struct sasl_exchange **x, struct span line, struct sasl_answer *a)
{
	struct sasl_exchange *n = *x;

	buf_clear(&a->challenge);
	if (n->asked == 1) {
		n->right = span_eq(line, span_of(login_user));
		n->asked = 2;
		(void)buf_add_str(&a->challenge, "UGFzc3dvcmQ6");
		return SASL_CONTINUE;
	}
	const struct sasl *s = n->sasl;
	bool plain = n->asked == 0;
	bool right = n->right && span_eq(line, span_of(login_password));
	sasl_cancel(x);
	return plain ? check_plain(s, line, a) : verdict(s, right, a);
}

void
sasl_cancel(struct sasl_exchange **x)
{
	free(*x);
	*x = NULL;
}
