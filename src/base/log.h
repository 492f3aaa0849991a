#ifndef PP_BASE_LOG_H
#define PP_BASE_LOG_H

#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

/*
 * One log line is one event in logfmt:
 *   2026-11-23T05:28:01.123Z info smtp-rcpt session=0f3k… rcpt=bob@xyz.com
 * code=550 Values are quoted and escaped when they need it, so a peer cannot
 * forge a line or a key.  A line is at most LOG_LINE_MAX bytes; what does not
 * fit is cut and ends in " cut=true".  Never log a password or message content.
 *
 *   struct log_line l;
 *   log_begin(&l, LOG_INFO, "smtp-rcpt");
 *   log_str(&l, "session", id);
 *   log_num(&l, "code", 550);
 *   log_end(&l);
 *
 * Thread: any; a line goes to standard error or the log file with one write(2),
 * or with others that came at about the same time (base/log_writer.h).
 */
enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

enum { LOG_LINE_MAX = 2048 };

struct log_line {
	unsigned n;
	int muted;
	int cut;
	int urgent; /* written at once */
	char text[LOG_LINE_MAX];
};

/*
 * log_open - send lines to `path` (append, created 0640) or, when NULL, to
 * standard error; drop those below `least`.  Call again after a rename
 * (SIGHUP).  Returns 0, or -1 and keeps the old target.
 */
int log_open(const char *path, enum log_level least, struct err *e);

void log_begin(struct log_line *l, enum log_level level, const char *event);
void log_str(struct log_line *l, const char *key, const char *value);
void log_span(struct log_line *l, const char *key, struct span value);
void log_num(struct log_line *l, const char *key, int64_t value);
void log_err(struct log_line *l, const struct err *e); /* class= reason= */
void log_end(struct log_line *l);

/* log_event - a line with up to one key; both may be NULL. */
void log_event(enum log_level level, const char *event, const char *key,
	       const char *value);

/* log_failure - the same and why: class= and reason= of *e. */
void log_failure(enum log_level level, const char *event, const char *key,
		 const char *value, const struct err *e);

#endif
