#ifndef PP_MAIL_ADDRESS_H
#define PP_MAIL_ADDRESS_H

#include <stdbool.h>

#include "base/err.h"
#include "base/span.h"

/*
 * Addresses as SMTP writes them (RFC 5321 4.1.2, 4.5.3.1; RFC 6531 3.3).
 * Pure grammar: no I/O, no allocation; any thread.
 */
enum {
	ADDRESS_LOCAL_MAX = 64,   /* RFC 5321 4.5.3.1.1 */
	ADDRESS_DOMAIN_MAX = 255, /* 4.5.3.1.2 */
	ADDRESS_PATH_MAX = 256,   /* 4.5.3.1.3, with < and > */
	ADDRESS_SIZE = 328,       /* buffer for local@domain, NUL included */
};

/* A parsed mailbox; spans borrow from the text that was parsed. */
struct address {
	struct span local;  /* as written, quotes included */
	struct span domain; /* as written; "[1.2.3.4]" for a literal; empty for
			       <> and for <postmaster> */
	bool is_null;       /* <> */
	bool is_utf8;       /* has a byte over 127 (needs SMTPUTF8) */
};

enum address_flag {
	ADDRESS_ALLOW_NULL = 1,       /* <> (MAIL FROM) */
	ADDRESS_ALLOW_POSTMASTER = 2, /* <postmaster> without a domain (RCPT) */
	ADDRESS_ALLOW_UTF8 = 4,
	ADDRESS_ALLOW_BARE = 8, /* local@domain without <> */
};

/*
 * address_parse_path - parse "<...>" at the start of `text`: source routes are
 * accepted and ignored (RFC 5321 4.1.1.3, appendix C).  On success *rest is
 * what follows '>', or the mailbox where none is needed.  -1 with PERM and a
 * reason fit for a 501/553 reply.
 */
int address_parse_path(struct span text, unsigned flags, struct address *a,
		       struct span *rest, struct err *e);

/* address_parse_mailbox - a bare local@domain, whole span. */
int address_parse_mailbox(struct span text, unsigned flags, struct address *a,
			  struct err *e);

/* address_domain_is_valid - a host name (LDH, or U-labels with utf8), a
 * literal, not over-long: what EHLO and a route may name. */
bool address_domain_is_valid(struct span domain, bool allow_utf8);

/* address_domain_check - the same of a name in a configuration, with U-labels;
 * a literal where that may stand.  -1 (PERM): "not a domain: <name>". */
int address_domain_check(const char *name, bool literal, struct err *e);

/*
 * address_canonical - the form used to look up and compare: local part without
 * needless quotes and, like the domain, in lower case (ASCII); a U-label
 * domain becomes A-labels where possible.  Into buf (>= ADDRESS_SIZE); "" for
 * <>; "postmaster" for <postmaster>.  0 or -1 (does not fit).
 */
int address_canonical(const struct address *a, char buf[ADDRESS_SIZE]);

/* address_text - local@domain as written, into buf; 0 or -1. */
int address_text(const struct address *a, char buf[ADDRESS_SIZE]);

/* address_split - the two halves of a canonical address at its last '@'. */
void address_split(const char *canonical, struct span *local,
		   struct span *domain);

/*
 * address_tag - split canonical local part "user+tag" at its first '+'
 * (RFC 5233): *user is the part before; false when there is no tag.
 */
bool address_tag(struct span local, struct span *user, struct span *tag);

#endif
