#include "receiver/receiver_options.h"

#include <stddef.h>

#include "base/daemon.h"
#include "base/paths.h"

#define AT(field) offsetof(struct receiver_options, field)

enum { S = 1000, MIN = 60 * S, HOUR = 60 * MIN };

/* In the order of enum receiver_durability. */
static const char *const durabilities[] = { "strict", "journal", NULL };

/* In the order of enum receiver_over_quota. */
static const char *const over_quota[] = { "defer", "refuse", NULL };

static const struct option table[] = {
	{ "server", "hostname", OPTION_STRING, AT(hostname), "", 0, 0, NULL,
	  "Name in greetings and Received lines; empty: the machine's own." },
	{ "server", "maildirs", OPTION_STRING, AT(maildirs),
	  PATHS_DATA "/maildirs", 0, 0, NULL,
	  "Directory of the mailboxes, as domain/user below it." },
	{ "server", "data-dir", OPTION_STRING, AT(data_dir), "", 0, 0, NULL,
	  "Directory of the journal and of the delivery ids, for this server"
	  " alone; empty: .postpair in maildirs." },
	{ "server", "users-file", OPTION_STRING, AT(users_file),
	  PATHS_CONF "/users", 0, 0, NULL,
	  "Who has a mailbox here; see postpair-users(5)." },
	{ "server", "authserv-id", OPTION_STRING, AT(authserv_id), "", 0, 0,
	  NULL,
	  "Name under which our filters report in Authentication-Results;"
	  " fields of others that claim it are taken out; empty: hostname." },
	{ "server", "postmaster", OPTION_STRING, AT(postmaster), "", 0, 0, NULL,
	  "User or alias who gets mail for postmaster; empty: that of the first"
	  " domain." },
	DAEMON_OPTIONS(struct receiver_options),

	LOGIN_OPTIONS(struct receiver_options),

	{ "store", "durability", OPTION_ENUM, AT(durability), "journal", 0, 0,
	  durabilities,
	  "What makes a message durable before it is answered: a journal that"
	  " all sessions share, or its own files." },
	{ "store", "journal-message-max", OPTION_SIZE, AT(journal_message_max),
	  "256K", 1024, 4 << 20, NULL,
	  "Larger messages are synced themselves, with durability = journal"
	  " too." },
	{ "store", "checkpoint-size", OPTION_SIZE, AT(checkpoint_size), "32M",
	  65536, 256 << 20, NULL,
	  "Bytes in the journal after which the mailboxes are made durable." },
	{ "store", "checkpoint-interval", OPTION_TIME, AT(checkpoint_interval),
	  "10s", 100, HOUR, NULL, "The same by time." },
	{ "store", "delivery-id-days", OPTION_INT, AT(delivery_id_days), "7", 1,
	  365, NULL,
	  "How long a delivery id is remembered: longer than a sender tries." },
	{ "store", "delivery-ids-max", OPTION_INT, AT(delivery_ids_max),
	  "4000000", 1000, 100000000, NULL,
	  "Delivery ids in memory, 32 bytes each; then the oldest goes. The log"
	  " warns at three quarters." },

	{ "store", "quota", OPTION_SIZE, AT(quota), "0", 0, INT64_MAX, NULL,
	  "Limit of a mailbox whose user has no quota of its own; 0: none." },
	{ "store", "over-quota", OPTION_ENUM, AT(over_quota), "defer", 0, 0,
	  over_quota,
	  "What mail for a full mailbox gets: 452, so that it is tried again,"
	  " or 552." },

	{ "domains", "local", OPTION_WORDS, AT(domains), NULL, 0, 0, NULL,
	  "Domains that mail is accepted for." },
	{ "domains", "aliases-file", OPTION_STRING, AT(aliases_file), "", 0, 0,
	  NULL, "File with more aliases, a list of users each; empty: none." },
	{ "aliases", NULL, OPTION_MAP, AT(aliases), "", 0, 0, NULL,
	  "Other names of users: name = user@domain ..., where name is"
	  " user@domain, only the user for every local domain, or @domain for"
	  " whoever is unknown there." },

	TLS_SETTINGS(AT(tls)),

	LISTEN_OPTIONS("smtp", AT(smtp), "127.0.0.1:2525", "incoming mail",
		       "421"),
	{ "smtp", "xclient-from", OPTION_WORDS, AT(smtp_xclient_from), "", 0, 0,
	  NULL, "Networks that may name another client with XCLIENT." },
	{ "smtp", "size-max", OPTION_SIZE, AT(smtp_size_max), "50M", 65536,
	  (int64_t)1 << 39, NULL, "Largest message; over it 552." },
	{ "smtp", "recipients-max", OPTION_INT, AT(smtp_recipients_max), "100",
	  100, 10000, NULL, "Recipients of one message; one more gets 452." },
	{ "smtp", "greet-pause", OPTION_TIME, AT(smtp_greet_pause), "0s", 0,
	  5 * MIN, NULL,
	  "Wait before the greeting for strangers, who are cut when they speak "
	  "in"
	  " it; none for this machine and [limits] exempt." },
	{ "smtp", "idle-timeout", OPTION_TIME, AT(smtp_idle), "5m", 100,
	  24 * HOUR, NULL, "Longest wait for a command (RFC 5321: 5m)." },
	{ "smtp", "data-timeout", OPTION_TIME, AT(smtp_data), "1h", 100,
	  24 * HOUR, NULL,
	  "Longest time for one message; one slower than 100 bytes/s has"
	  " idle-timeout." },
	{ "smtp", "session-timeout", OPTION_TIME, AT(smtp_session), "4h", 100,
	  168 * HOUR, NULL, "Longest session." },
	{ "smtp", "milters", OPTION_WORDS, AT(smtp_milters), "", 0, 0, NULL,
	  "Filters that each message goes through, in this order: names of"
	  " [milters]." },
	{ "smtp", "delivery-ids", OPTION_BOOL, AT(smtp_delivery_ids), "yes", 0,
	  0, NULL,
	  "Offer XPOSTPAIRID, by which postpair-sender delivers a message"
	  " once, to clients of this machine and those of delivery-ids-from." },
	{ "smtp", "delivery-ids-from", OPTION_WORDS, AT(smtp_delivery_ids_from),
	  "", 0, 0, NULL,
	  "Networks of other machines whose delivery ids are believed." },

	{ "smtp", "trust-results-from", OPTION_WORDS, AT(trust_results), "", 0,
	  0, NULL,
	  "Networks of servers that report under our authserv-id; what they"
	  " bring along stays." },

	{ "limits", "window", OPTION_TIME, AT(limit_window), "1m", 1000,
	  24 * HOUR, NULL, "Time in which a client's doings are counted." },
	{ "limits", "connections", OPTION_INT, AT(limit_connections), "300", 0,
	  1000000, NULL,
	  "SMTP connections of one address in it; over them 421; 0: no"
	  " limit." },
	{ "limits", "messages", OPTION_INT, AT(limit_messages), "600", 0,
	  1000000, NULL, "Messages; over them 450; 0: no limit." },
	{ "limits", "recipients", OPTION_INT, AT(limit_recipients), "3000", 0,
	  1000000, NULL,
	  "Recipients, known or not; over them 450; 0: no limit." },
	{ "limits", "exempt", OPTION_WORDS, AT(limit_exempt), "127.0.0.0/8 ::1",
	  0, 0, NULL, "Networks whose clients have no such limits." },

	LISTEN_LOCAL_OPTIONS("lmtp", AT(lmtp), "",
			     "mail servers of this machine that deliver by"
			     " LMTP; or paths of unix sockets",
			     "421"),

	{ "milters", NULL, OPTION_MAP, AT(milter_section), "", 0, 0, NULL,
	  "Filters: name = inet:host:port or unix:/path, then default=tempfail,"
	  " accept or reject, and timeouts." },

	LISTEN_OPTIONS("pop3", AT(pop3), "127.0.0.1:2110", "reading mail",
		       "-ERR"),
	LISTEN_USER_OPTIONS("pop3", AT(pop3)),
	{ "pop3", "idle-timeout", OPTION_TIME, AT(pop3_idle), "10m", 100,
	  24 * HOUR, NULL,
	  "Longest wait for a command (RFC 1939: 10m or more)." },
	{ "pop3", "session-timeout", OPTION_TIME, AT(pop3_session), "12h", 100,
	  168 * HOUR, NULL, "Longest session." },
	{ "pop3", "auth-in-clear-text", OPTION_BOOL, AT(pop3_clear_text), "no",
	  0, 0, NULL,
	  "Passwords in clear text from everywhere; no: only from this"
	  " machine." },
	{ "pop3", "tls-required", OPTION_BOOL, AT(pop3_tls_required), "no", 0,
	  0, NULL, "Nobody logs in without TLS, from this machine neither." },
	{ NULL, NULL, OPTION_BOOL, 0, NULL, 0, 0, NULL, NULL },
};

const struct option *
receiver_options_table(void)
{
	return table;
}

void
receiver_options_settings(const void *options, struct daemon_settings *s)
{
	const struct receiver_options *o = options;

	s->log_file = o->log_file;
	s->log_level = (enum log_level)o->log_level;
	s->log_delay_ms = o->log_delay;
	s->pid_file = o->pid_file;
	s->ports_file = o->ports_file;
	s->user = o->user;
}
