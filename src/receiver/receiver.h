#ifndef PP_RECEIVER_RECEIVER_H
#define PP_RECEIVER_RECEIVER_H

#include "base/daemon.h"

/* receiver_program - postpair-receiver, for daemon_main. */
const struct daemon_program *receiver_program(void);

#endif
