#ifndef PP_TESTS_UNIT_NET_TLS_PLAY_H
#define PP_TESTS_UNIT_NET_TLS_PLAY_H

#include "../test.h"

#include <pthread.h>

#include "net/tls.h"

/*
 * A server that plays a script, a line a step: "S text" is said (with CRLF),
 * "R text" is said raw, "C verb" waits for a line that begins so, "T" is the
 * handshake, "W" waits until the client hangs up.  At the end of the script it
 * hangs up.
 */
enum { TLS_PLAY_WAIT_MS = 20000 };

struct tls_play {
	const char *const *script;
	struct tls_server *tls;
	int listener;
	uint16_t port;
	pthread_t thread;
	const char *failed_at; /* the step, or NULL */
	char heard[2048];      /* every line of the client */
};
void tls_play_start(struct tls_play *p, const char *const *script,
		    struct tls_server *tls);
void tls_play_end(struct tls_play *p);

/* Certificates for localhost; made and removed by the two below, which are set
 * up and tear down of a group. */
struct tls_lab {
	char dir[64];
	struct tls_client *client;  /* trusts the authority, CN=ca */
	struct tls_client *another; /* trusts another one */
	struct tls_server *good, *expired;
};
extern struct tls_lab tls_lab;
int tls_lab_open(void **state);
int tls_lab_close(void **state);

#endif
