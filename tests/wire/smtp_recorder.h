#ifndef PP_TESTS_WIRE_SMTP_RECORDER_H
#define PP_TESTS_WIRE_SMTP_RECORDER_H

#include "base/buf.h"
#include "smtp/smtp_server.h"

/*
 * A policy for tests of the SMTP engine.  It writes down what it is asked, and
 * decides by the address:
 *
 *   connection      connect_code, when that is set
 *   HELO, EHLO      refused.test 550 5.7.1, temp.test 450 4.7.1, others 250
 *   unknown verbs   REFUSED 554 5.7.1, ACCEPTED 250 (a policy's mistake)
 *   MAIL  refused@ 550 5.7.1, temp@ 451 4.7.1, shut@ 421 4.3.2, zero@ nothing
 *         (a policy's mistake), others 250
 *   RCPT  *@xyz.com and postmaster 250, nobody@xyz.com 550 5.1.1, full@xyz.com
 *         452 4.2.2, far@xyz.com 251, others 550 5.7.1
 *   DATA  from nodata@ 451 4.3.0
 *   text  from diskfull@ ENOSPC after the first piece
 *   end   from late@ 554 5.6.0
 */
struct smtp_recorder {
	int connect_code;    /* 0: every client is greeted */
	struct buf events;   /* lines: "mail a@b", "rcpt c@d", "data", "end",
				"reset"; "connect" and "disconnect" when
				connect_code is set; what was asked for reports
				and the   delivery id in lines of their own */
	struct buf text;     /* of the transaction */
	struct buf messages; /* stored: each "LENGTH\n" and its bytes */
	int connects, disconnects, mails, resets, ends, stored;
	bool open;          /* between an accepted on_mail and its on_reset */
	bool has_header;    /* on_header was called */
	const char *broken; /* a broken promise of the engine, or NULL */
};

void smtp_recorder_init(struct smtp_recorder *r);
void smtp_recorder_clear(struct smtp_recorder *r);
extern const struct smtp_server_ops smtp_recorder_ops;

/* smtp_recorder_sasl - a struct sasl whose one user is alice@abc.com with
 * password secret; login "down" cannot be checked now. */
struct sasl *smtp_recorder_sasl(void);

/* smtp_recorder_quick_sasl - the same for fuzzing: a wrong password is called
 * malformed, so that the engine does not pause for it. */
struct sasl *smtp_recorder_quick_sasl(void);

#endif
