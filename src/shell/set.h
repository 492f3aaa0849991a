#ifndef PP_SHELL_SET_H
#define PP_SHELL_SET_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "shell/expand.h"
#include "shell/status.h"

/*
 * Message sets: "3:7", "unread from:bob", "not (subject:~^re or size>1M)".
 * Parsed once into postfix order, then asked about each message; iterative,
 * bounded, no I/O of its own.  One thread.
 */
enum set_kind {
	SET_AND, /* operators first */
	SET_OR,
	SET_NOT,
	SET_OPEN, /* only while parsing */
	SET_RANGE,
	SET_ALL,
	SET_NEW,
	SET_UNREAD,
	SET_READ,
	SET_DELETED,
	SET_LAST,
	SET_ATTACHMENT,
	SET_FROM,
	SET_TO,
	SET_CC,
	SET_SUBJECT,
	SET_BODY,
	SET_TEXT,
	SET_HEADER,
	SET_LIST,
	SET_ID,
	SET_UID,
	SET_SIZE_OVER,
	SET_SIZE_UNDER,
	SET_SINCE, /* a day, in local time */
	SET_BEFORE,
	SET_ON,
	SET_NEWER, /* a span of time before now */
	SET_OLDER,
};

/* Position in a range: a number, or an offset from "." or "$". */
struct set_pos {
	char base; /* 0, '.' or '$' */
	int64_t n;
};

struct set_step {
	enum set_kind kind;
	struct set_pos from, to; /* RANGE */
	struct span name;        /* HEADER: its name */
	struct span text;        /* value; borrowed from the words */
	bool has_regex;          /* value was ~regex */
	regex_t regex;
	int64_t number; /* bytes, or seconds since 1970, or seconds */
};

enum { SET_STEPS_MAX = 256 };

struct set {
	struct set_step step[SET_STEPS_MAX];
	size_t n;
};

/*
 * set_parse - from words as typed; none gives the empty set, which matches
 * nothing.  SHELL_OK, or SHELL_USAGE and *f.  set_free in both cases.
 * The words' text must outlive the set.  A set is large: on the heap.
 */
int set_parse(struct set *s, const struct arg *words, size_t n, int64_t now_s,
	      struct failure *f);
void set_free(struct set *s);

/* set_needs - does any step have one of these kinds? */
bool set_needs(const struct set *s, enum set_kind from, enum set_kind to);

/* set_text_matches - value of a text step against a subject: contained,
 * ASCII case ignored, or the regular expression. */
bool set_text_matches(const struct set_step *step, const char *subject);

struct set_view {
	uint32_t current, highest; /* message numbers; 0 = none */
	/* test - does message n satisfy a step other than AND..RANGE, ALL?
	 * 0, or -1 with *e. */
	int (*test)(void *ctx, uint32_t n, const struct set_step *step,
		    bool *yes, struct err *e);
	void *ctx;
};

/* set_matches - 1, 0, or -1 with *e. */
int set_matches(const struct set *s, const struct set_view *view, uint32_t n,
		struct err *e);

#endif
