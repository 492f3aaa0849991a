#ifndef PP_SENDER_SUBMISSION_TRAIL_H
#define PP_SENDER_SUBMISSION_TRAIL_H

#include "queue/trail.h"
#include "smtp/smtp_server.h"

/*
 * submission_trail - the first hop of a message: what the client asked for in
 * its transaction and what it was told.  The client's words come from what was
 * understood of them, so a line is never longer or stranger than an address.
 */
void submission_trail_mail(struct trail_hop *h,
			   const struct smtp_client_info *c,
			   const struct smtp_txn *txn,
			   const struct smtp_reply *r);
void submission_trail_rcpt(struct trail_hop *h,
			   const struct smtp_txn_rcpt *rcpt,
			   const struct smtp_reply *r);
void submission_trail_data(struct trail_hop *h, int64_t size);
void submission_trail_reply(struct trail_hop *h, const struct smtp_reply *r);

#endif
