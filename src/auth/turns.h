#ifndef PP_AUTH_TURNS_H
#define PP_AUTH_TURNS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/*
 * Turns at something expensive (a password hash takes a processor and 16 MiB):
 * so many at once, and the others wait in line.  The line is fair by party, an
 * address say: who has many waiting is served once for every other party that
 * waits, so that a flood from one address delays the others by one turn each
 * and not by its length.  Each who waits is a session that has a place of its
 * own, so that the line is as bounded as they are, and nobody is sent away for
 * what others do.
 * Thread: any.
 */
struct turns;

int turns_new(struct turns **t, unsigned at_once, struct err *e);
void turns_free(struct turns **t); /* nobody waits any more */

/* A turn; its memory is the caller's from take to give. */
struct turn {
	uint64_t party;
	uint64_t round, arrival;
	struct turn *next;
	pthread_cond_t granted;
	bool running;
};

/* turns_take - wait for a turn, to be followed by turns_give. */
void turns_take(struct turns *t, struct turn *turn, uint64_t party);
void turns_give(struct turns *t, struct turn *turn);

unsigned turns_waiting(struct turns *t); /* in line now */

#endif
