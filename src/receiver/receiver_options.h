#ifndef PP_RECEIVER_RECEIVER_OPTIONS_H
#define PP_RECEIVER_RECEIVER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "auth/login_options.h"
#include "base/daemon.h"
#include "base/option.h"
#include "net/listen_options.h"
#include "net/tls_settings.h"

enum receiver_over_quota { RECEIVER_DEFER, RECEIVER_REFUSE };
enum receiver_durability { RECEIVER_STRICT, RECEIVER_JOURNAL };

/* What the configuration file of postpair-receiver says. */
struct receiver_options {
	char *hostname; /* "": the machine's own */
	char *maildirs;
	char *data_dir; /* "": below maildirs */
	char *users_file;
	char *authserv_id; /* "": hostname */
	char *log_file;
	int log_level;
	int64_t log_delay;
	char *pid_file;
	char *ports_file;
	char *user;

	struct login_options login;

	int durability; /* enum receiver_durability */
	int64_t journal_message_max;
	int64_t checkpoint_size, checkpoint_interval;
	int64_t delivery_id_days, delivery_ids_max;
	int64_t quota;
	int over_quota; /* enum receiver_over_quota */

	struct option_list domains;
	char *postmaster;
	struct option_map aliases;
	char *aliases_file;

	struct tls_settings tls;

	struct option_list smtp_milters;
	struct option_map milter_section;
	struct listen_options smtp, lmtp, pop3;
	struct option_list smtp_xclient_from;
	int64_t smtp_size_max;
	int64_t smtp_recipients_max;
	int64_t smtp_greet_pause, smtp_idle, smtp_data, smtp_session;
	bool smtp_delivery_ids;
	struct option_list smtp_delivery_ids_from;
	struct option_list trust_results;

	int64_t limit_window; /* the others are within it */
	int64_t limit_connections, limit_messages, limit_recipients;
	struct option_list limit_exempt;

	int64_t pop3_idle, pop3_session;
	bool pop3_clear_text, pop3_tls_required;
};

/* receiver_options_table - one row a key; ends with section == NULL. */
const struct option *receiver_options_table(void);

/* receiver_options_settings - what base/daemon wants to know. */
void receiver_options_settings(const void *options, struct daemon_settings *s);

#endif
