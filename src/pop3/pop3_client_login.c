#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "pop3/pop3_client_private.h"

/* Who reads: SASL PLAIN (RFC 5034, RFC 4616) where it is offered, else USER and
 * PASS (RFC 1939 7). */

static int
base64(struct span in, struct buf *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < in.n; i += 3) {
		uint32_t v = 0;
		for (size_t k = 0; k < 3; k++)
			v = v << 8 |
			    (i + k < in.n ? (unsigned char)in.p[i + k] : 0U);
		char four[4] = { digits[v >> 18], digits[v >> 12 & 63],
				 i + 1 < in.n ? digits[v >> 6 & 63] : '=',
				 i + 2 < in.n ? digits[v & 63] : '=' };
		if (buf_add(out, four, 4) != 0)
			return -1;
	}
	return 0;
}

/* Forget a secret, then the memory. */
static void
wipe(struct buf *b)
{
	if (b->p != NULL)
		explicit_bzero(b->p, b->cap);
	buf_free(b);
}

/* RFC 5034 4: the initial response goes along when the line stays short. */
static int
auth_plain(struct pop3_client *c, struct span response, struct pop3_reply *r,
	   struct err *e)
{
	char line[POP3_CLIENT_COMMAND_MAX + 1];
	bool go_on;

	if (response.n + 11 <= POP3_CLIENT_COMMAND_MAX) {
		(void)snprintf(line, sizeof(line), "AUTH PLAIN %.*s",
			       (int)response.n, response.p);
		int rc = pop3_client_ask(c, line, "AUTH PLAIN ***", r, e);
		explicit_bzero(line, sizeof(line));
		return rc;
	}
	if (pop3_client_put(c, "AUTH PLAIN", NULL, e) != 0 ||
	    pop3_client_flush(c, e) != 0 ||
	    pop3_client_challenge(c, r, &go_on, e) != 0)
		return -1;
	if (!go_on)
		return r->ok ? err_set(e, ERR_PROTO, 0,
				       "AUTH accepted without credentials")
			     : 0;
	return pop3_client_ask(c, response.p, "***", r, e);
}

static int
login_plain(struct pop3_client *c, const char *login, const char *password,
	    struct pop3_reply *r, struct err *e)
{
	struct buf message, response;
	int rc = -1;

	buf_init(&message, 2048);
	buf_init(&response, 4096);
	/* RFC 4616 2: authzid (empty) NUL authcid NUL passwd */
	if (buf_add_char(&message, '\0') != 0 ||
	    buf_add_str(&message, login) != 0 ||
	    buf_add_char(&message, '\0') != 0 ||
	    buf_add_str(&message, password) != 0 ||
	    base64(buf_span(&message), &response) != 0 ||
	    buf_add_char(&response, '\0') != 0) {
		(void)err_set(e, ERR_PERM, errno, "login name or password");
		goto out;
	}
	rc = auth_plain(c, span_make(response.p, response.n - 1), r, e);
out:
	wipe(&message);
	wipe(&response);
	return rc;
}

int
pop3_client_login(struct pop3_client *c, const char *login,
		  const char *password, struct pop3_reply *r, struct err *e)
{
	char line[POP3_CLIENT_COMMAND_MAX + 1];

	if ((c->caps & POP3_CAP_SASL_PLAIN) != 0)
		return login_plain(c, login, password, r, e);
	if (pop3_client_command(c, r, e, "USER %s", login) != 0)
		return -1;
	if (!r->ok)
		return 0;
	int n = snprintf(line, sizeof(line), "PASS %s", password);
	if (n < 0 || (size_t)n >= sizeof(line))
		return err_set(e, ERR_PERM, 0, "password too long for PASS");
	int rc = pop3_client_ask(c, line, "PASS ***", r, e);
	explicit_bzero(line, sizeof(line));
	return rc;
}
