/*
 * libcurl's easy interface blocks, and its stack is not ours to measure: a
 * fetch runs on a thread of its own, and who waits for it waits on an eventfd.
 * A fetch belongs to two, the last of them frees it; one that nobody waits for
 * any more is ended by its progress callback.
 */
#include "net/https.h"

#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"

enum { HTTP_OK = 200 };

struct fetch {
	char *url, *ca_file, *connect_to;
	int64_t timeout_ms;
	struct wake done;
	atomic_bool left;     /* nobody waits */
	pthread_mutex_t lock; /* guards the rest */
	int holders;
	int rc;
	struct buf body;
	struct err e;
};

int
https_start(struct err *e)
{
	return curl_global_init(CURL_GLOBAL_DEFAULT) == 0
		   ? 0
		   : err_set(e, ERR_TEMP, 0, "HTTPS client");
}

void
https_end(void)
{
	curl_global_cleanup();
}

static void
release(struct fetch *f)
{
	(void)pthread_mutex_lock(&f->lock);
	bool last = --f->holders == 0;
	(void)pthread_mutex_unlock(&f->lock);
	if (!last)
		return;
	buf_free(&f->body);
	free(f->url);
	free(f->ca_file);
	free(f->connect_to);
	wake_close(&f->done);
	(void)pthread_mutex_destroy(&f->lock);
	free(f);
}

/* ---- on the fetch's thread ----------------------------------------------
 */

static size_t
take(char *p, size_t size, size_t n, void *ctx)
{
	struct fetch *f = ctx;

	return buf_add(&f->body, p, size * n) == 0 ? size * n : 0;
}

static int
look(void *ctx, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
     curl_off_t up)
{
	struct fetch *f = ctx;

	(void)down_total;
	(void)down;
	(void)up_total;
	(void)up;
	return atomic_load(&f->left) ? 1 : 0;
}

static bool
set_up(CURL *c, struct fetch *f, struct curl_slist **to)
{
	char target[600];

	if (f->connect_to != NULL) {
		(void)snprintf(target, sizeof(target), "::%s", f->connect_to);
		*to = curl_slist_append(NULL, target);
		if (*to == NULL ||
		    curl_easy_setopt(c, CURLOPT_CONNECT_TO, *to) != CURLE_OK)
			return false;
	}
	return curl_easy_setopt(c, CURLOPT_URL, f->url) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https") ==
		   CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_PROXY, "") == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_SSLVERSION,
				(long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
	       (f->ca_file == NULL ||
		curl_easy_setopt(c, CURLOPT_CAINFO, f->ca_file) == CURLE_OK) &&
	       curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)f->timeout_ms) ==
		   CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, look) ==
		   CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_XFERINFODATA, f) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_WRITEDATA, f) == CURLE_OK;
}

static int
perform(CURL *c, struct fetch *f, struct err *e)
{
	char why[CURL_ERROR_SIZE] = "";
	long status = 0;

	(void)curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
	CURLcode rc = curl_easy_perform(c);
	(void)curl_easy_setopt(c, CURLOPT_ERRORBUFFER, NULL);
	if (rc == CURLE_OPERATION_TIMEDOUT)
		return err_set(e, ERR_TIMEOUT, 0, "no answer in time");
	if (rc == CURLE_WRITE_ERROR)
		return err_set(e, ERR_LIMIT, 0, "over %zu bytes",
			       f->body.max - 1);
	if (rc != CURLE_OK)
		return err_set(e, ERR_TEMP, 0, "%s",
			       why[0] != '\0' ? why : curl_easy_strerror(rc));
	(void)curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	if (status != HTTP_OK)
		return err_set(e, ERR_PERM, 0, "status %ld", status);
	return 0;
}

static void
run(void *arg)
{
	struct fetch *f = arg;
	struct curl_slist *to = NULL;
	struct err e = { 0 };
	CURL *c = curl_easy_init();
	int rc = -1;

	if (c == NULL || !set_up(c, f, &to))
		(void)err_set(&e, ERR_TEMP, ENOMEM, "HTTPS client");
	else
		rc = perform(c, f, &e);
	curl_easy_cleanup(c);
	curl_slist_free_all(to);
	(void)pthread_mutex_lock(&f->lock);
	f->rc = rc;
	f->e = e;
	(void)pthread_mutex_unlock(&f->lock);
	wake_raise(&f->done);
	release(f);
}

/* ---- on the caller's ----------------------------------------------------
 */

static char *
copy(const char *s)
{
	return s == NULL ? NULL : strdup(s);
}

static struct fetch *
fetch_new(const char *url, const struct https_options *o, struct err *e)
{
	struct fetch *f = calloc(1, sizeof(*f));

	if (f == NULL) {
		(void)err_set(e, ERR_TEMP, ENOMEM, "HTTPS client");
		return NULL;
	}
	buf_init(&f->body, o->max_bytes + 1); /* and a NUL */
	f->done.fd = -1;
	f->holders = 1;
	f->timeout_ms = o->timeout_ms;
	(void)pthread_mutex_init(&f->lock, NULL);
	f->url = copy(url);
	f->ca_file = copy(o->ca_file);
	f->connect_to = copy(o->connect_to);
	if (wake_init(&f->done, e) == 0 && f->url != NULL &&
	    (o->ca_file == NULL || f->ca_file != NULL) &&
	    (o->connect_to == NULL || f->connect_to != NULL))
		return f;
	(void)err_set(e, ERR_TEMP, ENOMEM, "HTTPS client");
	release(f);
	return NULL;
}

static int
launch(struct fetch *f, struct err *e)
{
	f->holders = 2;
	if (thread_start_deep(NULL, run, f, e) == 0)
		return 0;
	f->holders = 1;
	return -1;
}

static int
await(struct fetch *f, const struct wake *stop, struct err *e)
{
	struct pollfd p[2] = { { .fd = wake_fd(&f->done), .events = POLLIN },
			       { .fd = stop == NULL ? -1 : wake_fd(stop),
				 .events = POLLIN } };
	/* Its own timeout ends it; a second more is for the thread. */
	int64_t end_ms = clock_mono_ms() + f->timeout_ms + 1000;

	for (;;) {
		int64_t left = end_ms - clock_mono_ms();
		int n = left <= 0 ? 0 : poll(p, 2, (int)left);
		if (n > 0 && p[0].revents != 0)
			return 0;
		if (n > 0 && p[1].revents != 0)
			return err_set(e, ERR_STOP, 0, "shutting down");
		if (n == 0)
			return err_set(e, ERR_TIMEOUT, 0, "no answer in time");
		if (errno != EINTR)
			return err_set(e, ERR_TEMP, errno, "poll");
	}
}

int
https_get(const char *url, const struct https_options *o,
	  const struct wake *stop, char **body, size_t *n, struct err *e)
{
	struct fetch *f = fetch_new(url, o, e);

	*body = NULL;
	*n = 0;
	if (f == NULL)
		return -1;
	int rc = launch(f, e) == 0 ? await(f, stop, e) : -1;
	atomic_store(&f->left, true);
	if (rc == 0) {
		(void)pthread_mutex_lock(&f->lock);
		rc = f->rc;
		if (rc != 0 && e != NULL)
			*e = f->e;
		else if (rc == 0 && buf_add_char(&f->body, '\0') == 0) {
			*n = f->body.n - 1;
			*body = f->body.p;
			buf_init(&f->body, 0);
		} else if (rc == 0) {
			rc = err_set(e, ERR_LIMIT, 0, "over %zu bytes",
				     f->body.max - 1);
		}
		(void)pthread_mutex_unlock(&f->lock);
	}
	release(f);
	return rc == 0 ? 0 : err_prefix(e, "%s", url);
}
