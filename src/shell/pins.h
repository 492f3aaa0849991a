#ifndef PP_SHELL_PINS_H
#define PP_SHELL_PINS_H

#include "base/err.h"
#include "net/tls_pin.h"

/*
 * The keys of servers that the user vouches for: lines "HOST:PORT PIN" in
 * $XDG_DATA_HOME/mailsh/pins, mode 0600.  The file is read when a connection
 * is made, so that shells at the same time know the same.  One thread.
 */

/* pins_find - the pin of host:port into pin, "" when there is none.  0, or -1
 * when the file cannot be read or has a wrong line ("file:line: reason"). */
int pins_find(const char *host, unsigned port, char pin[TLS_PIN_TEXT_SIZE],
	      struct err *e);

/* pins_set - from now on it is this one; NULL: none. */
int pins_set(const char *host, unsigned port, const char *pin, struct err *e);

#endif
