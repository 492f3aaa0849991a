#ifndef PP_SENDMAIL_SENDMAIL_H
#define PP_SENDMAIL_SENDMAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/option.h"
#include "mail/address.h"
#include "mail/drop.h"
#include "mail/dsn_param.h"

/*
 * postpair-sendmail: the command by which programs send mail (cron, git, PHP
 * ...), with the options that sendmail has always had.  One thread; nothing in
 * it has more rights than who runs it.
 */

/* What its exit status says, by the numbers of sysexits(3). */
enum sendmail_status {
	SENDMAIL_OK = 0,
	SENDMAIL_USAGE = 64,
	SENDMAIL_DATAERR = 65, /* the message is no message */
	SENDMAIL_NOUSER = 67,  /* a recipient is unknown */
	SENDMAIL_NOHOST = 68,  /* ... or its domain */
	SENDMAIL_REFUSED = 69, /* the server refuses it otherwise */
	SENDMAIL_OSERR = 71,
	SENDMAIL_TEMPFAIL = 75, /* neither server nor maildrop: try again */
	SENDMAIL_NOPERM = 77,   /* not as this sender */
	SENDMAIL_CONFIG = 78,
};

enum {
	/* they go together: who called us is told one thing of all of them */
	SENDMAIL_RECIPIENTS_MAX = DROP_RECIPIENTS_MAX,
	SENDMAIL_NAME_SIZE = 128,
	SENDMAIL_ID_SIZE = 33,
};

/* sendmail.conf(5) is a section of the manual page. */
struct sendmail_options {
	char *socket, *maildrop, *domain;
	struct option_list own_domains;
	int64_t size_max;
	int64_t connect_timeout, command_timeout, data_timeout;
};

enum sendmail_mode {
	SENDMAIL_SEND,   /* -bm */
	SENDMAIL_SMTP,   /* -bs */
	SENDMAIL_VERIFY, /* -bv: are these recipients? */
	SENDMAIL_QUEUE,  /* -bp, mailq: list it */
	SENDMAIL_IDLE,   /* -q, -bi: there is nothing to be done here */
	SENDMAIL_DUMP,   /* --dump-options */
	SENDMAIL_DONE,   /* --help, --version: said and done */
	SENDMAIL_WRONG,  /* the command line is; it was said why */
};

/* The command line; texts are borrowed from argv. */
struct sendmail_args {
	enum sendmail_mode mode;
	const char *config; /* -C; NULL: the standard one, if it is there */
	const char *from;   /* -f, -r; NULL: not given */
	const char *full_name;
	const char *envid; /* xtext */
	enum dsn_ret ret;
	unsigned notify;
	bool from_header; /* -t */
	bool dots;        /* -i: a line with a dot ends nothing */
	bool verbose;
	bool queue; /* -q */
	char **to;
	int n_to;
};

/* sendmail_args_parse - read the command line; never fails otherwise than by
 * the mode. */
void sendmail_args_parse(struct sendmail_args *a, int argc, char **argv);

/* The message and its envelope. */
struct sendmail_mail {
	char from[ADDRESS_SIZE]; /* "": the null path */
	char **to;               /* each once; malloc'ed */
	size_t n_to;
	struct buf text; /* LF line ends, without NUL and CR */
	bool eight_bit, smtputf8;
	/* by which the server knows it again, whichever way it comes: 128
	 * random bits in hexadecimal digits */
	char id[SENDMAIL_ID_SIZE];
};

/* sendmail_mail_address - the recipients of the command line, each once and
 * with a domain.  OK, or USAGE with *e. */
enum sendmail_status sendmail_mail_address(struct sendmail_mail *m,
					   const struct sendmail_args *a,
					   const struct sendmail_options *o,
					   struct err *e);
/*
 * sendmail_mail_read - standard input (fd) and the command line become a
 * message.  OK, or a status with *e: DATAERR, USAGE, OSERR.
 */
enum sendmail_status sendmail_mail_read(struct sendmail_mail *m,
					const struct sendmail_args *a,
					const struct sendmail_options *o,
					int fd, struct err *e);
void sendmail_mail_identify(struct sendmail_mail *m); /* fill in the id */
void sendmail_mail_free(struct sendmail_mail *m);

/* sendmail_mail_normal - `raw` with LF line ends appended to *out: CRLF (with
 * any number of CR) and a bare CR become LF, a NUL goes, the last line is
 * ended; without `dots` a line that is a dot ends it all.  0 or -1 (no room).
 */
int sendmail_mail_normal(struct span raw, bool dots, struct buf *out);

/*
 * The header of a message with LF line ends; from outside into *text, which
 * stays as it is when -1 (TEMP) comes back.
 *
 * sendmail_header_begin - mbox lines in front of it go; when its recipients are
 * said to be inside, blank lines, too.
 * sendmail_header_complete - addresses without a domain, or with one that
 * sendmail_header_is_local, get ours; "root" as the author becomes `me`, the
 * user who runs us (NULL: root does); what cannot be read stays.
 * sendmail_header_from - "From: "Full Name" <address>", where there is none and
 * the name is fit for it.
 */
void sendmail_header_begin(struct buf *text, bool recipients_inside);
/* "localhost", or one of own-domains; a dot may end it */
bool sendmail_header_is_local(struct span domain,
			      const struct sendmail_options *o);
int sendmail_header_complete(struct buf *text, const struct sendmail_options *o,
			     const char *me, struct err *e);
int sendmail_header_from(struct buf *text, const char *name,
			 const char *address, struct err *e);

/*
 * sendmail_mime_read - what the header `head` says of its body; `boundary`
 * borrows from it.  sealed: signed or encrypted, so that a byte changed spoils
 * it.
 */
enum sendmail_encoding {
	SENDMAIL_PLAIN, /* 7bit, 8bit, binary, or not said */
	SENDMAIL_QUOTED,
	SENDMAIL_BASE64,
	SENDMAIL_UNKNOWN,
};
struct sendmail_mime {
	bool has_type, is_multipart, is_digest, is_message, is_sealed;
	struct span boundary; /* empty: none */
	enum sendmail_encoding encoding;
};
void sendmail_mime_read(struct span head, struct sendmail_mime *m);

/*
 * sendmail_lines_bound - no line of the message (LF line ends) is over 998
 * octets afterwards: fields are folded, a body of one part is encoded, anything
 * else broken; but for the body of what is signed or encrypted, or has a part
 * that is, which stays as it was.  -1 (TEMP): all of it stays.
 */
int sendmail_lines_bound(struct buf *text, struct err *e);

/*
 * sendmail_submit - hand it to the server's socket, for all recipients in one
 * transaction.  TEMPFAIL: the maildrop may help; another status: refused, *e in
 * the server's words.
 */
enum sendmail_status sendmail_submit(const struct sendmail_mail *m,
				     const struct sendmail_args *a,
				     const struct sendmail_options *o,
				     struct err *e);

/*
 * sendmail_submit_verify - ask the server about every recipient, and print what
 * it says; nothing is sent.  OK: all can have mail; else the status of the
 * first that cannot, or TEMPFAIL with *e.
 */
enum sendmail_status sendmail_submit_verify(const struct sendmail_mail *m,
					    const struct sendmail_args *a,
					    const struct sendmail_options *o,
					    struct err *e);

/* sendmail_relay - -bs: standard input and output are the client's. */
enum sendmail_status sendmail_relay(const struct sendmail_options *o,
				    struct err *e);

/* sendmail_drop - leave it in the maildrop directory, synced: one file, for all
 * recipients. */
enum sendmail_status sendmail_drop(const struct sendmail_mail *m,
				   const struct sendmail_args *a,
				   const struct sendmail_options *o,
				   struct err *e);

#endif
