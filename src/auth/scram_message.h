#ifndef PP_AUTH_SCRAM_MESSAGE_H
#define PP_AUTH_SCRAM_MESSAGE_H

#include <stdbool.h>

#include "base/span.h"

/*
 * What RFC 5802 says of the first messages of SCRAM and GNU SASL does not see
 * to.  Pure: no state, any bytes.
 */

/* How a client's first message treats channel binding (RFC 5802 6, 7). */
enum scram_binding {
	SCRAM_BINDING_NONE,     /* "n": the client knows none */
	SCRAM_BINDING_MISSED,   /* "y": it does, and saw none offered */
	SCRAM_BINDING_EXPORTER, /* "p=tls-exporter" */
	SCRAM_BINDING_OTHER,    /* "p=" another */
	SCRAM_BINDING_MALFORMED,
};

/*
 * scram_message_binding - of a client-first-message.  MALFORMED also for what
 * must not be taken for the name it looks like: a NUL anywhere, and an '=' in
 * the names that is not part of =2C or =3D (5.1).
 */
enum scram_binding scram_message_binding(struct span message);

/*
 * scram_message_iterations - i= of a server-first-message "r=,s=,i=[,...]";
 * 0 when it has no such form: a server that asks for an extension (m=) too.
 */
unsigned long scram_message_iterations(struct span message);

#endif
