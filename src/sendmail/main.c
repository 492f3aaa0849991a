#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/descriptors.h"
#include "base/visible.h"
#include "sendmail/sendmail.h"
#include "sendmail/sendmail_options.h"

/*
 * postpair-sendmail: read the message, hand it to the server's socket; when
 * that does not answer, or cannot take it now, leave it in the maildrop.
 */
enum { HOST_SIZE = 256 };

static int
complain(enum sendmail_status status, const struct err *e)
{
	/* It may hold the server's words. */
	(void)fprintf(stderr, "postpair-sendmail: ");
	visible_print(stderr, span_of(e->msg));
	(void)fputc('\n', stderr);
	return (int)status;
}

/* The file of -C must be there, the standard one need not. */
static int
load(struct sendmail_options *o, const struct sendmail_args *a, struct err *e)
{
	const struct option *table = sendmail_options_table();
	const char *path =
	    a->config != NULL ? a->config : sendmail_options_path();

	if (a->config == NULL && access(path, F_OK) != 0 && errno == ENOENT)
		return option_defaults(table, o, e);
	if (option_load(table, path, o, e) != 0)
		return -1;
	if (sendmail_options_check(o, path, e) == 0)
		return 0;
	option_free(table, o);
	return -1;
}

static int
set_domain(struct sendmail_options *o, struct err *e)
{
	char host[HOST_SIZE];

	if (o->domain[0] != '\0')
		return 0;
	if (gethostname(host, sizeof(host)) != 0)
		(void)snprintf(host, sizeof(host), "localhost");
	host[HOST_SIZE - 1] = '\0';
	free(o->domain);
	o->domain = strdup(host);
	return o->domain != NULL ? 0 : err_set(e, ERR_TEMP, ENOMEM, "domain");
}

static int
send_mail(const struct sendmail_args *a, const struct sendmail_options *o)
{
	struct sendmail_mail m;
	struct err e = { 0 }, why = { 0 };

	enum sendmail_status rc =
	    sendmail_mail_read(&m, a, o, STDIN_FILENO, &e);
	sendmail_mail_identify(&m);
	if (rc == SENDMAIL_OK)
		rc = sendmail_submit(&m, a, o, &e);
	if (rc == SENDMAIL_TEMPFAIL) {
		rc = sendmail_drop(&m, a, o, &why);
		if (a->verbose || rc != SENDMAIL_OK)
			(void)complain(rc, &e);
		e = why;
	}
	if (rc != SENDMAIL_OK)
		(void)complain(rc, &e);
	sendmail_mail_free(&m);
	return (int)rc;
}

static int
verify(const struct sendmail_args *a, const struct sendmail_options *o)
{
	struct sendmail_mail m;
	struct err e = { 0 };

	enum sendmail_status rc = sendmail_mail_address(&m, a, o, &e);
	if (rc == SENDMAIL_OK && m.n_to == 0) { /* -t */
		(void)err_set(&e, ERR_PERM, 0, "no recipient");
		rc = SENDMAIL_USAGE;
	}
	if (rc == SENDMAIL_OK)
		rc = sendmail_submit_verify(&m, a, o, &e);
	sendmail_mail_free(&m);
	return rc == SENDMAIL_OK ? SENDMAIL_OK : complain(rc, &e);
}

/* -bp and mailq: the queue is the administrator's, and so is the program that
 * lists it.  cron's PATH does not lead to it. */
static int
list_queue(void)
{
	struct err e = { 0 };

	(void)execlp("postpair-admin", "postpair-admin", "queue", "list",
		     (char *)NULL);
	(void)execl(SBINDIR "/postpair-admin", "postpair-admin", "queue",
		    "list", (char *)NULL);
	(void)err_set(&e, ERR_PERM, errno, "postpair-admin");
	return complain(SENDMAIL_OSERR, &e);
}

static int
run(const struct sendmail_args *a, struct sendmail_options *o)
{
	struct err e = { 0 };

	if (set_domain(o, &e) != 0)
		return complain(SENDMAIL_OSERR, &e);
	if (a->mode == SENDMAIL_DUMP) {
		option_dump(sendmail_options_table(), o, stdout);
		return SENDMAIL_OK;
	}
	if (a->mode == SENDMAIL_SEND)
		return send_mail(a, o);
	if (a->mode == SENDMAIL_VERIFY)
		return verify(a, o);
	enum sendmail_status rc = sendmail_relay(o, &e);
	return rc == SENDMAIL_OK ? SENDMAIL_OK : complain(rc, &e);
}

int
main(int argc, char **argv)
{
	struct sendmail_options o = { 0 };
	struct sendmail_args a;
	struct err e = { 0 };

	if (descriptors_hold() != 0)
		return SENDMAIL_OSERR;
	(void)signal(SIGPIPE, SIG_IGN);
	sendmail_args_parse(&a, argc, argv);
	if (a.mode == SENDMAIL_DONE || a.mode == SENDMAIL_WRONG)
		return a.mode == SENDMAIL_DONE ? SENDMAIL_OK : SENDMAIL_USAGE;
	/* It reads files of the caller's choice, so never with more rights. */
	if (getuid() != geteuid() || getgid() != getegid()) {
		(void)err_set(&e, ERR_PERM, 0,
			      "must not be installed set-user-id");
		return complain(SENDMAIL_CONFIG, &e);
	}
	if (a.mode == SENDMAIL_IDLE)
		return SENDMAIL_OK;
	if (a.mode == SENDMAIL_QUEUE)
		return list_queue();
	if (load(&o, &a, &e) != 0)
		return complain(SENDMAIL_CONFIG, &e);
	int rc = run(&a, &o);
	option_free(sendmail_options_table(), &o);
	return rc;
}
