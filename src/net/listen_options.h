#ifndef PP_NET_LISTEN_OPTIONS_H
#define PP_NET_LISTEN_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "base/option.h"

struct listener_options;

/*
 * What the section of a service says of where it listens and for how many: the
 * same in every server, as rows of its option table.  A service without some of
 * the rows leaves their fields as they are: zeroed.
 */
struct listen_options {
	struct option_list listen, listen_tls;
	int64_t max_clients;
	int64_t max_per_address; /* 0: max_clients */
	int64_t max_per_user;    /* 0: no such limit */
	struct option_list proxy_from;
	int mode; /* index of listen_options_modes */
	char *group;
};

extern const char *const listen_options_modes[];

/*
 * The rows; `at` is the offset of this struct in the program's.  `standard` is
 * where it listens unless told otherwise, `for_whom` completes "Addresses and
 * ports for", and `busy` "one more gets".
 *
 *   LISTEN_OPTIONS        of a service for clients of other machines, too
 *   LISTEN_USER_OPTIONS   besides, of one where users log in
 *   LISTEN_LOCAL_OPTIONS  of a service for programs of this machine
 */
/* clang-format off */
#define LISTEN_AT(section, at, standard, for_whom) \
	{ section, "listen", OPTION_WORDS, \
	  (at) + offsetof(struct listen_options, listen), standard, 0, 0, NULL, \
	  "Addresses and ports for " for_whom "." }
#define LISTEN_MAX_CLIENTS(section, at, busy) \
	{ section, "max-clients", OPTION_INT, \
	  (at) + offsetof(struct listen_options, max_clients), "1000", 1, 100000, \
	  NULL, "Clients at once; one more gets " busy "." }
#define LISTEN_PROXY_FROM(section, at) \
	{ section, "proxy-from", OPTION_WORDS, \
	  (at) + offsetof(struct listen_options, proxy_from), "", 0, 0, NULL, \
	  "Networks of load balancers, whose connections begin with a PROXY" \
	  " header." }

#define LISTEN_OPTIONS(section, at, standard, for_whom, busy) \
	LISTEN_AT(section, at, standard, for_whom), \
	{ section, "listen-tls", OPTION_WORDS, \
	  (at) + offsetof(struct listen_options, listen_tls), "", 0, 0, NULL, \
	  "The same with TLS from the first byte (RFC 8314)." }, \
	LISTEN_MAX_CLIENTS(section, at, busy), \
	{ section, "max-clients-per-address", OPTION_INT, \
	  (at) + offsetof(struct listen_options, max_per_address), "50", 1, 100000, \
	  NULL, "Clients at once, without a login, from one address or IPv6 /64;" \
	  " this machine has no such cap." }, \
	LISTEN_PROXY_FROM(section, at)

#define LISTEN_USER_OPTIONS(section, at) \
	{ section, "max-clients-per-user", OPTION_INT, \
	  (at) + offsetof(struct listen_options, max_per_user), "20", 1, 100000, \
	  NULL, "Clients at once that have logged in as one user." }

#define LISTEN_LOCAL_OPTIONS(section, at, standard, for_whom, busy) \
	LISTEN_AT(section, at, standard, for_whom), \
	{ section, "socket-mode", OPTION_ENUM, \
	  (at) + offsetof(struct listen_options, mode), "0660", 0, 0, \
	  listen_options_modes, \
	  "Permissions of the unix sockets: who may connect." }, \
	{ section, "socket-group", OPTION_STRING, \
	  (at) + offsetof(struct listen_options, group), "", 0, 0, NULL, \
	  "Group of the unix sockets; empty: the server's own." }, \
	LISTEN_MAX_CLIENTS(section, at, busy), \
	LISTEN_PROXY_FROM(section, at)
/* clang-format on */

/* listen_options_listener - the fields of *l that `o` is about; borrowed. */
void listen_options_listener(const struct listen_options *o,
			     struct listener_options *l);

/* listen_options_mode - permission bits that one of the modes names. */
unsigned listen_options_mode(int index);

#endif
