/*
 * Hand-overs: a program of this machine names its message (XPOSTPAIRID over the
 * local socket, which is also the name of the file in the maildrop), and who is
 * named twice gets it once.  The name counts together with the user whom the
 * kernel names, so that nobody can use up another's.
 */
#include <stdio.h>
#include <string.h>

#include "sender/sender_private.h"

void
sender_handed_name(const struct smtp_client_info *c, const struct smtp_txn *txn,
		   char name[SENDER_HANDED_SIZE])
{
	name[0] = '\0';
	if (c->is_unix && txn->delivery_id != NULL)
		(void)snprintf(name, SENDER_HANDED_SIZE, "%s:%u",
			       txn->delivery_id, (unsigned)c->uid);
}

bool
sender_handed_is_known(struct sender *s, const char *name, const char *address)
{
	return name[0] != '\0' &&
	       ids_is_known(spool_ids(s->spool), name, address);
}

void
sender_handed_drop(struct sender *s, const char *name,
		   const struct smtp_txn *txn, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		ids_drop(spool_ids(s->spool), name, txn->recipients[i].text);
}

int
sender_handed_claim(struct sender *s, const char *name,
		    const struct smtp_txn *txn, bool *known, struct err *e)
{
	for (unsigned i = 0; i < txn->n_recipients; i++) {
		const char *to = txn->recipients[i].text;
		enum ids_state got = ids_claim(spool_ids(s->spool), name, to);
		known[i] = got == IDS_KNOWN;
		if (got != IDS_BUSY)
			continue;
		sender_handed_drop(s, name, txn, i);
		return err_set(e, ERR_TEMP, 0,
			       "another session is taking this message");
	}
	return 0;
}
