#ifndef PP_BASE_ERR_H
#define PP_BASE_ERR_H

/*
 * Errors belong to the caller: a function that can fail takes `struct err *e`
 * as its last argument, returns -1 and leaves class, errno value and a short
 * English text in *e.  Libraries never print and never exit.
 *
 * The class decides what a server does: PERM answers 5xx; everything else,
 * unknown included, answers 4xx and keeps the mail.
 */
enum err_class {
	ERR_TEMP = 0, /* try later: full disk, no memory, unknown (default) */
	ERR_PERM,     /* will not get better by waiting */
	ERR_PROTO,    /* the peer broke the protocol */
	ERR_TIMEOUT,  /* a deadline passed */
	ERR_LIMIT,    /* a bound was reached */
	ERR_CLOSED,   /* the peer went away */
	ERR_STOP,     /* this program is shutting down */
	ERR_BUG,      /* our own mistake */
};

enum { ERR_MSG_SIZE = 400 };

struct err {
	enum err_class class;
	int sys; /* errno value, or 0 */
	char msg[ERR_MSG_SIZE];
};

/*
 * err_set - fill *e from a printf format and return -1.
 * e may be NULL.  sys != 0 appends ": <text of errno>".
 * The text is cut to fit and control bytes become '?', so that a peer's
 * words can be quoted safely.
 */
int err_set(struct err *e, enum err_class class, int sys, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* err_prefix - put "<formatted text>: " before e->msg; returns -1. */
int err_prefix(struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* err_class_name - "temporary", "permanent", ... for logs. */
const char *err_class_name(enum err_class class);

/*
 * err_sys_text - text of errno value `sys` into buf (strerror is not
 * thread-safe); returns buf.
 */
const char *err_sys_text(int sys, char *buf, unsigned long size);

#ifdef __clang_analyzer__
/* The analyzer sees one file at a time: tell it what the contracts say, so that
 * it does not follow paths on which a failure was reported and returned 0. */
#define err_set(...) (err_set(__VA_ARGS__), -1)
#define err_prefix(...) (err_prefix(__VA_ARGS__), -1)
#endif

#endif
