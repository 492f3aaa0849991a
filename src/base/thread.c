#include "base/thread.h"

#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

struct start {
	void (*fn)(void *);
	void *arg;
};

static void *
run(void *p)
{
	struct start s = *(struct start *)p;

	free(p);
	s.fn(s.arg);
	return NULL;
}

static int
start(pthread_t *t, size_t stack_bytes, void (*fn)(void *), void *arg,
      struct err *e)
{
	int detached = t == NULL;
	pthread_attr_t attr;
	pthread_t unused;
	sigset_t all, old;

	struct start *s = malloc(sizeof(*s));
	if (s == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "cannot start a thread");
	*s = (struct start){ fn, arg };
	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, stack_bytes);
	(void)pthread_attr_setdetachstate(&attr, detached
						     ? PTHREAD_CREATE_DETACHED
						     : PTHREAD_CREATE_JOINABLE);
	/* Signals are for the main thread; a new one inherits this mask. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	int rc = pthread_create(detached ? &unused : t, &attr, run, s);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	(void)pthread_attr_destroy(&attr);
	if (rc != 0) {
		free(s);
		return err_set(e, ERR_TEMP, rc, "cannot start a thread");
	}
	return 0;
}

int
thread_start(void (*fn)(void *), void *arg, struct err *e)
{
	return start(NULL, THREAD_STACK_BYTES, fn, arg, e);
}

int
thread_start_joinable(pthread_t *t, void (*fn)(void *), void *arg,
		      struct err *e)
{
	return start(t, THREAD_STACK_BYTES, fn, arg, e);
}

int
thread_start_deep(pthread_t *t, void (*fn)(void *), void *arg, struct err *e)
{
	return start(t, THREAD_DEEP_BYTES, fn, arg, e);
}

int
wake_init(struct wake *w, struct err *e)
{
	atomic_store(&w->state, WAKE_DOWN);
	w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->fd < 0)
		return err_set(e, ERR_TEMP, errno, "eventfd");
	return 0;
}

void
wake_raise(struct wake *w)
{
	uint64_t one = 1;
	int sys = errno; /* of what a signal handler interrupts */

	atomic_store(&w->state, WAKE_UP);
	ssize_t ignored = write(w->fd, &one, sizeof(one));
	(void)ignored;
	errno = sys;
}

int
wake_is_raised(const struct wake *w)
{
	struct pollfd p = { .fd = w->fd, .events = POLLIN };

	switch (atomic_load(&w->state)) {
	case WAKE_DOWN:
		return 0;
	case WAKE_UP:
		return 1;
	case WAKE_ASK:
		break;
	}
	return poll(&p, 1, 0) > 0;
}

void
wake_close(struct wake *w)
{
	if (w->fd >= 0)
		(void)close(w->fd);
	w->fd = -1;
}

void
cond_init_mono(pthread_cond_t *c)
{
	pthread_condattr_t attr;

	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(c, &attr);
	(void)pthread_condattr_destroy(&attr);
}

void
mutex_init_short(pthread_mutex_t *m)
{
	pthread_mutexattr_t attr;

	(void)pthread_mutexattr_init(&attr);
	(void)pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ADAPTIVE_NP);
	(void)pthread_mutex_init(m, &attr);
	(void)pthread_mutexattr_destroy(&attr);
}

int
cond_wait_until(pthread_cond_t *c, pthread_mutex_t *m, int64_t mono_ms)
{
	if (mono_ms < 0) {
		(void)pthread_cond_wait(c, m);
		return 0;
	}
	struct timespec t = { .tv_sec = (time_t)(mono_ms / 1000),
			      .tv_nsec = (long)(mono_ms % 1000) * 1000000 };
	return pthread_cond_timedwait(c, m, &t) == ETIMEDOUT ? 1 : 0;
}

/* A futex: the C library has none of its own, and a condition variable makes
 * everybody it wakes queue for the lock. */
void
gate_sleep(struct gate *g, unsigned seen)
{
	(void)syscall(SYS_futex, &g->turn, FUTEX_WAIT_PRIVATE, seen, NULL, NULL,
		      0);
}

void
gate_wake(struct gate *g, int threads)
{
	(void)syscall(SYS_futex, &g->turn, FUTEX_WAKE_PRIVATE, threads, NULL,
		      NULL, 0);
}
