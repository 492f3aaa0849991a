#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/rand.h"
#include "mail/header.h"
#include "mail/mailbox_list.h"
#include "mail/utf8.h"
#include "sendmail/sendmail.h"

/* Standard input and the command line become a message and its envelope. */
enum { PIECE = 64 * 1024, PASSWD_BYTES = 4096, FROM_BYTES = 1024 };

/* ---- the text -------------------------------------------------------------
 */

static int
read_all(int fd, struct buf *raw, int64_t max, struct err *e)
{
	for (;;) {
		if (buf_reserve(raw, PIECE) != 0)
			return errno == ENOMEM
				   ? err_set(e, ERR_TEMP, ENOMEM, "message")
				   : err_set(e, ERR_LIMIT, 0,
					     "the message is over %lld bytes",
					     (long long)max);
		ssize_t n = read(fd, raw->p + raw->n, PIECE);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, ERR_TEMP, errno, "standard input");
		if (n == 0)
			return 0;
		raw->n += (size_t)n;
	}
}

/* One line without its end: LF, or any number of CR before it (what PHP makes
 * of text that had CRLF already); a CR alone is an end, too. */
static struct span
take_line(struct span *rest)
{
	size_t n = 0;

	while (n < rest->n && rest->p[n] != '\n' && rest->p[n] != '\r')
		n++;
	struct span line = span_head(*rest, n);
	size_t end = n;
	while (end < rest->n && rest->p[end] == '\r')
		end++;
	if (end == rest->n || rest->p[end] != '\n')
		end = n; /* each CR for itself */
	*rest = span_skip(*rest, end + 1);
	return line;
}

static int
add_line(struct buf *out, struct span line)
{
	while (line.n > 0) {
		long nul = span_find(line, '\0', 0);
		struct span part =
		    nul < 0 ? line : span_head(line, (size_t)nul);
		if (buf_add_span(out, part) != 0)
			return -1;
		line = span_skip(line, part.n + (nul < 0 ? 0 : 1));
	}
	return buf_add_char(out, '\n');
}

int
sendmail_mail_normal(struct span raw, bool dots, struct buf *out)
{
	while (raw.n > 0) {
		struct span line = take_line(&raw);
		if (!dots && span_eq(line, span_of(".")))
			return 0;
		if (add_line(out, line) != 0)
			return -1;
	}
	return 0;
}

static enum sendmail_status
read_text(struct sendmail_mail *m, const struct sendmail_args *a, int64_t max,
	  int fd, struct err *e)
{
	struct buf raw;
	enum sendmail_status rc = SENDMAIL_OK;

	buf_init(&raw, (size_t)max + PIECE);
	buf_init(&m->text, (size_t)max + 2 * (size_t)PIECE);
	if (read_all(fd, &raw, max, e) != 0) {
		rc = e->class == ERR_LIMIT ? SENDMAIL_DATAERR : SENDMAIL_OSERR;
	} else if (sendmail_mail_normal(buf_span(&raw), a->dots, &m->text) !=
		   0) {
		(void)err_set(e, ERR_TEMP, errno, "message");
		rc = SENDMAIL_OSERR;
	}
	buf_free(&raw);
	sendmail_header_begin(&m->text, a->from_header);
	return rc;
}

/* ---- addresses ------------------------------------------------------------
 */

/* How much of an address stands before its domain; all of it where that is
 * missing or a name of this machine. */
static size_t
local_size(struct span text, const struct sendmail_options *o, bool *bare)
{
	bool quoted = false;

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\\' && quoted)
			i++;
		else if (text.p[i] == '"')
			quoted = !quoted;
		else if (text.p[i] == '@' && !quoted) {
			*bare =
			    sendmail_header_is_local(span_skip(text, i + 1), o);
			return i;
		}
	}
	*bare = true;
	return text.n;
}

/* The text of a valid address, with our domain where it has none. */
static int
complete(const char *text, const struct sendmail_options *o,
	 char out[ADDRESS_SIZE], bool *utf8, struct err *e)
{
	char whole[MAILBOX_SIZE + ADDRESS_DOMAIN_MAX + 2];
	struct address a;
	bool bare;
	size_t local = local_size(span_of(text), o, &bare);

	if (bare)
		(void)snprintf(whole, sizeof(whole), "%.*s@%s", (int)local,
			       text, o->domain);
	else
		(void)snprintf(whole, sizeof(whole), "%s", text);
	if (address_parse_mailbox(span_of(whole), ADDRESS_ALLOW_UTF8, &a, e) !=
		0 ||
	    address_text(&a, out) != 0)
		return err_prefix(e, "%s", text);
	*utf8 = *utf8 || a.is_utf8;
	return 0;
}

static int
add_recipient(struct sendmail_mail *m, const char *text,
	      const struct sendmail_options *o, struct err *e)
{
	char address[ADDRESS_SIZE];

	if (complete(text, o, address, &m->smtputf8, e) != 0)
		return -1;
	for (size_t i = 0; i < m->n_to; i++) {
		if (strcmp(m->to[i], address) == 0)
			return 0;
	}
	if (m->n_to == SENDMAIL_RECIPIENTS_MAX)
		return err_set(e, ERR_PERM, 0, "over %d recipients",
			       SENDMAIL_RECIPIENTS_MAX);
	char **more = realloc(m->to, (m->n_to + 1) * sizeof(*more));
	if (more == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "recipients");
	m->to = more;
	more[m->n_to] = strdup(address);
	if (more[m->n_to] == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "recipients");
	m->n_to++;
	return 0;
}

/* All addresses of a list. */
static int
add_list(struct sendmail_mail *m, struct span list,
	 const struct sendmail_options *o, struct err *e)
{
	char one[MAILBOX_SIZE];
	int more;

	while ((more = mailbox_list_next(&list, one, e)) == 1) {
		if (add_recipient(m, one, o, e) != 0)
			return -1;
	}
	return more;
}

/* RFC 5322 3.6.6: what is resent goes to the Resent fields alone. */
static int
add_from_header(struct sendmail_mail *m, const struct sendmail_options *o,
		struct err *e)
{
	static const char *const names[2][3] = {
		{ "To", "Cc", "Bcc" },
		{ "Resent-To", "Resent-Cc", "Resent-Bcc" },
	};
	struct span rest = buf_span(&m->text);
	struct header_field f;
	bool resent = false;

	for (int i = 0; i < 3 && !resent; i++)
		resent = header_find(rest, names[1][i], &f);
	while (header_next(&rest, &f)) {
		if (f.name.n == 0)
			break; /* no field: the body has begun */
		for (int i = 0; i < 3; i++) {
			if (span_eq_nocase(f.name, span_of(names[resent][i])) &&
			    add_list(m, f.value, o, e) != 0)
				return err_prefix(e, "%s", names[resent][i]);
		}
	}
	return 0;
}

/* ---- the sender -----------------------------------------------------------
 */

struct person {
	char login[64];
	char name[SENDMAIL_NAME_SIZE]; /* full; may be "" */
};

static void
who_runs_us(struct person *p)
{
	char text[PASSWD_BYTES];
	struct passwd entry, *found = NULL;

	(void)snprintf(p->login, sizeof(p->login), "%lu",
		       (unsigned long)getuid());
	p->name[0] = '\0';
	(void)getpwuid_r(getuid(), &entry, text, sizeof(text), &found);
	if (found == NULL)
		return;
	if (strlen(found->pw_name) < sizeof(p->login))
		(void)snprintf(p->login, sizeof(p->login), "%s",
			       found->pw_name);
	size_t n = strcspn(found->pw_gecos, ",");
	(void)span_copy(span_make(found->pw_gecos, n), p->name,
			sizeof(p->name));
}

static int
set_sender(struct sendmail_mail *m, const struct sendmail_args *a,
	   const struct person *p, const struct sendmail_options *o,
	   struct err *e)
{
	char one[MAILBOX_SIZE], own[ADDRESS_SIZE];
	struct span rest = span_of(a->from);
	const char *name = a->full_name != NULL ? a->full_name : getenv("NAME");

	if (complete(p->login, o, own, &m->smtputf8, e) != 0)
		return -1;
	if (a->from == NULL) {
		(void)snprintf(m->from, sizeof(m->from), "%s", own);
	} else if (a->from[0] != '\0' && strcmp(a->from, "<>") != 0) {
		if (mailbox_list_next(&rest, one, e) != 1 ||
		    span_trim(rest).n > 0)
			return err_set(e, ERR_PERM, 0, "-f %s is no address",
				       a->from);
		if (complete(one, o, m->from, &m->smtputf8, e) != 0)
			return -1;
	}
	return sendmail_header_from(&m->text, name != NULL ? name : p->name,
				    m->from[0] != '\0' ? m->from : own, e);
}

/* ---- all of it ------------------------------------------------------------
 */

enum sendmail_status
sendmail_mail_address(struct sendmail_mail *m, const struct sendmail_args *a,
		      const struct sendmail_options *o, struct err *e)
{
	*m = (struct sendmail_mail){ .n_to = 0 };
	for (int i = 0; i < a->n_to; i++) {
		if (add_list(m, span_of(a->to[i]), o, e) != 0)
			return SENDMAIL_USAGE;
	}
	if (m->n_to > 0 || a->from_header)
		return SENDMAIL_OK;
	(void)err_set(e, ERR_PERM, 0, "no recipient");
	return SENDMAIL_USAGE;
}

enum sendmail_status
sendmail_mail_read(struct sendmail_mail *m, const struct sendmail_args *a,
		   const struct sendmail_options *o, int fd, struct err *e)
{
	/* before the input is read: a wrong command line is no reason to wait
	 */
	enum sendmail_status rc = sendmail_mail_address(m, a, o, e);
	if (rc == SENDMAIL_OK)
		rc = read_text(m, a, o->size_max, fd, e);
	if (rc != SENDMAIL_OK)
		return rc;
	struct person p;
	who_runs_us(&p);
	if (sendmail_header_complete(&m->text, o,
				     getuid() == 0 ? NULL : p.login, e) != 0)
		return SENDMAIL_OSERR;
	if (a->from_header && add_from_header(m, o, e) != 0)
		return SENDMAIL_DATAERR;
	if (m->n_to == 0) {
		(void)err_set(e, ERR_PERM, 0, "no recipient in the message");
		return SENDMAIL_DATAERR;
	}
	if (set_sender(m, a, &p, o, e) != 0)
		return SENDMAIL_USAGE;
	if (sendmail_lines_bound(&m->text, e) != 0)
		return SENDMAIL_OSERR;
	m->eight_bit = !utf8_is_ascii(buf_span(&m->text));
	return SENDMAIL_OK;
}

void
sendmail_mail_identify(struct sendmail_mail *m)
{
	(void)snprintf(m->id, sizeof(m->id), "%016llx%016llx",
		       (unsigned long long)rand_u64(),
		       (unsigned long long)rand_u64());
}

void
sendmail_mail_free(struct sendmail_mail *m)
{
	for (size_t i = 0; i < m->n_to; i++)
		free(m->to[i]);
	free(m->to);
	buf_free(&m->text);
}
