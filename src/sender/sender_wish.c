#include "mail/header.h"
#include "mail/utf8.h"
#include "sender/sender_private.h"

/*
 * What a message wants of the way to the next hop, as the queue keeps it.
 */

/*
 * RFC 6531 3.6: a client may say SMTPUTF8 of every message; a next hop needs it
 * only for one that is internationalized: its header or an address is not
 * ASCII.
 */
bool
sender_wish_utf8(const struct smtp_txn *txn, struct span block)
{
	bool ascii =
	    utf8_is_ascii(block) && utf8_is_ascii(span_of(txn->reverse_text));

	for (unsigned i = 0; i < txn->n_recipients && ascii; i++)
		ascii = utf8_is_ascii(span_of(txn->recipients[i].text));
	return txn->smtputf8 && !ascii;
}

/* RFC 8689 3, 4.1: REQUIRETLS goes before the field, which counts when it
 * stands once and says No. */
enum spool_tls
sender_wish_tls(const struct smtp_txn *txn, struct span block)
{
	struct header_field f;

	if (txn->require_tls)
		return SPOOL_TLS_REQUIRED;
	return header_count(block, "TLS-Required") == 1 &&
		       header_find(block, "TLS-Required", &f) &&
		       span_eq_nocase(f.value, span_of("No"))
		   ? SPOOL_TLS_OPTIONAL
		   : SPOOL_TLS_ANY;
}
