#ifndef PP_BASE_NOTIFY_H
#define PP_BASE_NOTIFY_H

#include "base/err.h"

/*
 * notify_send - tell the service manager, as sd_notify(3) does: state is
 * "READY=1", "STOPPING=1", "RELOADING=1\nMONOTONIC_USEC=..." and so on, sent as
 * one datagram to the socket in $NOTIFY_SOCKET.  Returns 1 when sent, 0 when
 * nobody asked for it, -1 on error (safe to ignore).  The protocol is a stable
 * one-datagram interface, so no library is linked for it.
 */
int notify_send(const char *state, struct err *e);

#endif
