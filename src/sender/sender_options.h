#ifndef PP_SENDER_SENDER_OPTIONS_H
#define PP_SENDER_SENDER_OPTIONS_H

#include "auth/login_options.h"
#include "base/daemon.h"
#include "base/option.h"
#include "net/listen_options.h"
#include "net/tls_settings.h"

enum { SENDER_JOURNAL, SENDER_STRICT };
enum { SENDER_QUEUED, SENDER_CUT_THROUGH };

/* Values of the sender's configuration; the table explains each. */
struct sender_options {
	char *hostname, *data_dir, *users_file, *postmaster;
	char *log_file, *pid_file, *ports_file, *user;
	int log_level;
	int64_t log_delay;

	struct login_options login;
	struct tls_settings tls;

	struct listen_options submission;
	struct option_list xclient_from;
	int64_t size_max, recipients_max;
	int from_header; /* enum from_header_mode */
	int64_t messages_per_hour, recipients_per_hour;
	int64_t greet_pause, idle, data, session;
	bool clear_text, tls_required;
	int deliver; /* SENDER_QUEUED, SENDER_CUT_THROUGH */
	int64_t cut_through_wait;
	int64_t future_release_max; /* ms; 0: not offered */

	char *local_socket, *maildrop; /* "": none */
	int local_mode;                /* index of listen_options_modes */
	struct option_map local_users;

	int64_t relay_connect, relay_command, relay_data, relay_idle;
	int64_t relay_final;
	char *relay_ca_file;
	int64_t relay_mx_port, relay_search, relay_tls_memory;
	struct option_list relay_own;
	bool relay_literals, relay_loopback_mx;
	int64_t relay_greeting;
	struct option_list dns_servers;
	char *dns_trust_anchor;
	int64_t dns_timeout;
	bool sts;
	int64_t sts_timeout;
	char *sts_connect_to;
	int64_t connections, connections_per_destination;

	int64_t max_messages, retry_min, retry_max, expiry, delay_warning;
	int durability; /* SENDER_JOURNAL, SENDER_STRICT */
	int64_t journal_message_max, memory_max, checkpoint;

	bool trails;
	bool verify;
	int64_t verify_timeout, verify_yes_ttl, verify_no_ttl;
	int64_t verify_cache, verify_connections;

	struct option_list milters;
	struct option_map milter_section;

	struct option_map routes, sender_routes, credentials;
};

const struct option *sender_options_table(void);

/* sender_options_settings - for struct daemon_program. */
void sender_options_settings(const void *options, struct daemon_settings *s);

#endif
