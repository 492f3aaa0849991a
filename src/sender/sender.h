#ifndef PP_SENDER_SENDER_H
#define PP_SENDER_SENDER_H

#include "base/daemon.h"

/* sender_program - what daemon_main() needs to be postpair-sender. */
const struct daemon_program *sender_program(void);

#endif
