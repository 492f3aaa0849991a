#ifndef PP_NET_SERVICES_H
#define PP_NET_SERVICES_H

#include <stdint.h>

#include "base/daemon.h"
#include "base/err.h"
#include "net/listener.h"
#include "net/tls_settings.h"

/*
 * services - what a server speaks, as the rows of a table.  Everything that
 * happens to one of them happens to all: checking, binding, the ports file and
 * the line `ready`, opening, new certificates, stopping.  A protocol more is a
 * row more.
 *
 * What serves the sessions of a row is its engine: an object of the row's own
 * that nobody else looks at (struct pop3_server).
 */
struct service {
	/* "pop3": in logs, as the section of its options and in the ports file;
	 * there it is "pop3-tls" where TLS begins with the first byte. */
	const char *name;
	const char *alpn;       /* its names in a handshake; NULL: no TLS */
	const char *busy_reply; /* whole line with CRLF, to one over a cap */

	/* options - where it listens and for whom (listen_options_listener); of
	 * *o only what the configuration says, borrowed from `values`. */
	void (*options)(const void *values, struct listener_options *o);
	/* open - make the engine.  tls: NULL without alpn. */
	int (*open)(void *server, struct tls_server *tls, void **engine,
		    struct err *e);
	/* serve - a whole session, on its own thread. */
	void (*serve)(void *engine, const struct listener_client *c);
	/* close - give the engine back; after the last session. */
	void (*close)(void *engine);
};

struct services;

/*
 * services_check - is what the configuration says of the rows usable: networks,
 * certificates?  `path` is for *e, -1 (PERM).  rows end with name == NULL.
 */
int services_check(const char *path, const struct service *rows,
		   const void *values, const struct tls_settings *tls,
		   struct err *e);

/*
 * A server's life: new, bind, open, start; then stop and free, whatever came of
 * these.  -1 leaves *e.  rows and server live on.  Thread: the server's main
 * one.
 *
 * services_bind - listen, note the ports: one for each word of listen and
 * listen-tls but paths, in their order, whose addresses share it.  A row that
 * listens nowhere is opened all the same.
 * services_open - make the engines, in the order of the rows.
 * services_start - begin to accept.
 * services_reload - take new certificates over, for sessions to come.
 */
int services_new(struct services **s, const struct service *rows, void *server,
		 struct err *e);
int services_bind(struct services *s, const void *values,
		  const struct tls_settings *tls, struct daemon_ports *ports,
		  struct err *e);
int services_open(struct services *s, struct err *e);
int services_start(struct services *s, struct err *e);
int services_reload(struct services *s, const struct tls_settings *tls,
		    struct err *e);

/*
 * services_drain - accept no more, and ask the sessions to finish.
 * services_stop - drain, and wait for the end of all sessions; at end_ms
 * (clock_mono_ms) those that are left are told to leave.  Both take NULL.
 * services_free - after services_stop: engines, too; NULL-safe.
 */
void services_drain(struct services *s);
void services_stop(struct services *s, int64_t end_ms);
void services_free(struct services **s);

#endif
