#include "base/log_writer.h"

#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"

enum { TEXT_BYTES = 64 * 1024 };

/* What waits for the program's one log target (see LAYERS waiver). */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t thread;
	int64_t delay_ms; /* 0: nothing waits */
	bool stop;
	int fd;
	size_t n;
	char text[TEXT_BYTES];
} writer = { .lock = PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP };

/* A log that cannot be written must not stop the mail. */
static void
write_out(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t put = write(fd, p, n);
		if (put <= 0)
			return;
		p += put;
		n -= (size_t)put;
	}
}

/* Lock held. */
static void
flush(void)
{
	write_out(writer.fd, writer.text, writer.n);
	writer.n = 0;
}

static void
run(void *ignored)
{
	(void)ignored;
	(void)pthread_mutex_lock(&writer.lock);
	while (!writer.stop) {
		if (writer.n == 0) {
			(void)cond_wait_until(&writer.changed, &writer.lock,
					      -1);
			continue;
		}
		int64_t until = clock_mono_ms() + writer.delay_ms;
		while (!writer.stop &&
		       cond_wait_until(&writer.changed, &writer.lock, until) ==
			   0)
			;
		flush();
	}
	(void)pthread_mutex_unlock(&writer.lock);
}

int
log_writer_start(int64_t delay_ms, struct err *e)
{
	if (delay_ms == 0)
		return 0;
	writer.stop = false;
	cond_init_mono(&writer.changed);
	if (thread_start_joinable(&writer.thread, run, NULL, e) != 0)
		return -1;
	(void)pthread_mutex_lock(&writer.lock);
	writer.delay_ms = delay_ms;
	(void)pthread_mutex_unlock(&writer.lock);
	return 0;
}

void
log_writer_stop(void)
{
	(void)pthread_mutex_lock(&writer.lock);
	bool running = writer.delay_ms != 0;
	writer.stop = true;
	writer.delay_ms = 0;
	flush();
	if (running)
		(void)pthread_cond_signal(&writer.changed);
	(void)pthread_mutex_unlock(&writer.lock);
	if (running)
		(void)pthread_join(writer.thread, NULL);
}

void
log_writer_put(int fd, const char *line, size_t n, int now)
{
	(void)pthread_mutex_lock(&writer.lock);
	if (writer.n + n > TEXT_BYTES || fd != writer.fd)
		flush();
	writer.fd = fd;
	bool first = writer.n == 0;
	if (writer.delay_ms == 0 || n > TEXT_BYTES) {
		write_out(fd, line, n);
	} else {
		memcpy(writer.text + writer.n, line, n);
		writer.n += n;
		if (now)
			flush();
		else if (first)
			(void)pthread_cond_signal(&writer.changed);
	}
	(void)pthread_mutex_unlock(&writer.lock);
}
