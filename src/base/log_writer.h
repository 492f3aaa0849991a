#ifndef PP_BASE_LOG_WRITER_H
#define PP_BASE_LOG_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * log_writer - gathers log lines for a moment and writes them together: a busy
 * server would else spend much of its time on writes of a hundred bytes.  Lines
 * are written in the order in which they came.  What was not yet written is
 * lost when the process is killed.
 */

/* log_writer_start - from now on a line waits at most delay_ms; 0: no line
 * waits.  After the last fork. */
int log_writer_start(int64_t delay_ms, struct err *e);
/* log_writer_stop - write what waits; from now on no line waits. */
void log_writer_stop(void);

/* log_writer_put - a whole line for fd; `now`: it and all before it do not
 * wait.  Thread: any. */
void log_writer_put(int fd, const char *line, size_t n, int now);

#endif
