#include "sender/submission_trail.h"

void
submission_trail_reply(struct trail_hop *h, const struct smtp_reply *r)
{
	char text[TRAIL_LINE_MAX];

	reply_one_line(r, text, sizeof(text));
	trail_hop_line(h, '>', span_of(text));
}

void
submission_trail_mail(struct trail_hop *h, const struct smtp_client_info *c,
		      const struct smtp_txn *txn, const struct smtp_reply *r)
{
	trail_hop_linef(h, '=', "submitted by %s from %s, session %s", c->login,
			c->address, c->session);
	trail_hop_linef(h, '<', "MAIL FROM:<%s>", txn->reverse_text);
	submission_trail_reply(h, r);
}

void
submission_trail_rcpt(struct trail_hop *h, const struct smtp_txn_rcpt *rcpt,
		      const struct smtp_reply *r)
{
	trail_hop_linef(h, '<', "RCPT TO:<%s>", rcpt->text);
	submission_trail_reply(h, r);
}

void
submission_trail_data(struct trail_hop *h, int64_t size)
{
	trail_hop_linef(h, '<', "DATA, %lld bytes kept", (long long)size);
}
