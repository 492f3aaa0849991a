#ifndef PP_BASE_THREAD_H
#define PP_BASE_THREAD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "base/err.h"

enum {
	THREAD_STACK_BYTES = 256 * 1024,
	THREAD_DEEP_BYTES = 1024 * 1024,
};

/*
 * thread_start - run fn(arg) on a new detached thread with a small stack and
 * all signals blocked.  Returns 0; -1 (TEMP) when no thread can be made: the
 * caller still owns arg.
 */
int thread_start(void (*fn)(void *), void *arg, struct err *e);

/* thread_start_joinable - the same, to be ended with pthread_join(*t, NULL). */
int thread_start_joinable(pthread_t *t, void (*fn)(void *), void *arg,
			  struct err *e);

/*
 * thread_start_deep - the same with a large stack, for libraries that take what
 * they like of it; t NULL: detached.
 */
int thread_start_deep(pthread_t *t, void (*fn)(void *), void *arg,
		      struct err *e);

/*
 * struct wake - a flag that poll(2) can wait for: once raised it stays raised,
 * and every poller of wake_fd() sees it readable.  Used to stop sessions.
 */
struct wake {
	int fd;
	/* what wake_init and wake_raise know, so that a question is no system
	 * call; one made of another descriptor asks that */
	_Atomic enum { WAKE_ASK, WAKE_DOWN, WAKE_UP } state;
};
int wake_init(struct wake *w, struct err *e);
void wake_raise(struct wake *w); /* async-signal-safe */
int wake_is_raised(const struct wake *w);
void wake_close(struct wake *w);
static inline int
wake_fd(const struct wake *w)
{
	return w->fd;
}

/*
 * cond_init_mono, cond_wait_until - a condition variable on the monotonic
 * clock; cond_wait_until returns 0 when signalled, 1 when mono_ms passed.
 * mono_ms < 0 waits for ever.
 */
void cond_init_mono(pthread_cond_t *c);
int cond_wait_until(pthread_cond_t *c, pthread_mutex_t *m, int64_t mono_ms);

/* mutex_init_short - a mutex for sections of about a microsecond: who finds it
 * taken looks again for a moment before going to sleep. */
void mutex_init_short(pthread_mutex_t *m);

/*
 * struct gate - a number that threads sleep on until it changes, for waits in
 * which no lock is to be taken afterwards.  The waiter reads it under the lock
 * that guards its condition and sleeps without it; whoever makes the condition
 * true moves it under that lock and then wakes.
 */
struct gate {
	atomic_uint turn;
};
static inline unsigned
gate_seen(struct gate *g)
{
	return atomic_load(&g->turn);
}
static inline void
gate_move(struct gate *g)
{
	(void)atomic_fetch_add(&g->turn, 1);
}
/* gate_sleep - until the number is not `seen` any more; may return early. */
void gate_sleep(struct gate *g, unsigned seen);
void gate_wake(struct gate *g, int threads); /* at most so many */

#endif
