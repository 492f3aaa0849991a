#include "sender/sender_options.h"

#include <stddef.h>

#include "base/daemon.h"
#include "base/paths.h"

#define AT(field) offsetof(struct sender_options, field)

enum { S = 1000, MIN = 60 * S, HOUR = 60 * MIN };

static const char *const deliveries[] = { "queued", "cut-through", NULL };
static const char *const durabilities[] = { "journal", "strict", NULL };

static const char *const from_headers[] = { "own", "sender", "any", NULL };

static const struct option table[] = {
	{ "server", "hostname", OPTION_STRING, AT(hostname), "", 0, 0, NULL,
	  "Name in greetings and Received lines; empty: the machine's own." },
	{ "server", "data-dir", OPTION_STRING, AT(data_dir),
	  PATHS_DATA "/sender", 0, 0, NULL,
	  "Directory of the queue; made when missing, for this user alone." },
	{ "server", "users-file", OPTION_STRING, AT(users_file),
	  PATHS_CONF "/users", 0, 0, NULL,
	  "Who may log in; see postpair-users(5)." },
	{ "server", "postmaster", OPTION_STRING, AT(postmaster), "", 0, 0, NULL,
	  "Address that gets mail for a bare postmaster, and reports that have"
	  " no sender to go to; empty: postmaster at the hostname." },
	DAEMON_OPTIONS(struct sender_options),

	TLS_SETTINGS(AT(tls)),
	LOGIN_OPTIONS(struct sender_options),

	LISTEN_OPTIONS("submission", AT(submission), "127.0.0.1:2587",
		       "clients", "421"),
	LISTEN_USER_OPTIONS("submission", AT(submission)),
	{ "submission", "xclient-from", OPTION_WORDS, AT(xclient_from), "", 0,
	  0, NULL,
	  "Networks that may name another client, and its login, with"
	  " XCLIENT." },
	{ "submission", "size-max", OPTION_SIZE, AT(size_max), "50M", 65536,
	  (int64_t)1 << 39, NULL, "Largest message; over it 552." },
	{ "submission", "recipients-max", OPTION_INT, AT(recipients_max), "100",
	  100, 1000, NULL, "Recipients of one message; one more gets 452." },
	{ "submission", "from-header", OPTION_ENUM, AT(from_header), "own", 0,
	  0, from_headers,
	  "Whose addresses a From field may hold: own: those of the login, or"
	  " Resent-From is; sender: any, and a Sender field is added; any." },
	{ "submission", "messages-per-hour", OPTION_INT, AT(messages_per_hour),
	  "300", 0, 1000000, NULL,
	  "Messages that a login hands in within an hour; then 452; 0: no"
	  " limit." },
	{ "submission", "recipients-per-hour", OPTION_INT,
	  AT(recipients_per_hour), "1000", 0, 10000000, NULL,
	  "Their recipients, likewise." },
	{ "submission", "greet-pause", OPTION_TIME, AT(greet_pause), "0s", 0,
	  5 * MIN, NULL,
	  "Wait before the greeting for clients of other machines, who are cut"
	  " when they speak in it." },
	{ "submission", "idle-timeout", OPTION_TIME, AT(idle), "5m", 100,
	  24 * HOUR, NULL, "Longest wait for a command (RFC 5321: 5m)." },
	{ "submission", "data-timeout", OPTION_TIME, AT(data), "1h", 100,
	  24 * HOUR, NULL,
	  "Longest time for one message; one slower than 100 bytes/s has"
	  " idle-timeout." },
	{ "submission", "session-timeout", OPTION_TIME, AT(session), "4h", 100,
	  168 * HOUR, NULL, "Longest session." },
	{ "submission", "auth-in-clear-text", OPTION_BOOL, AT(clear_text), "no",
	  0, 0, NULL,
	  "Passwords in clear text from everywhere; no: only from this"
	  " machine." },
	{ "submission", "tls-required", OPTION_BOOL, AT(tls_required), "no", 0,
	  0, NULL, "Nothing is taken without TLS, from this machine neither." },
	{ "submission", "milters", OPTION_WORDS, AT(milters), "", 0, 0, NULL,
	  "Filters that each message goes through, in this order: names of"
	  " [milters]." },
	{ "submission", "deliver", OPTION_ENUM, AT(deliver), "queued", 0, 0,
	  deliveries,
	  "queued: 250 as soon as a message is safe; cut-through: 250 with what"
	  " its first delivery came to." },
	{ "submission", "cut-through-wait", OPTION_TIME, AT(cut_through_wait),
	  "10s", 100, 5 * MIN, NULL,
	  "Longest wait for that; then 250 says queued." },
	{ "submission", "future-release-max", OPTION_TIME,
	  AT(future_release_max), "30d", 0, 720 * (int64_t)HOUR, NULL,
	  "How far ahead a client may have its message released (RFC 4865);"
	  " 0: not at all." },

	{ "submission", "local-socket", OPTION_STRING, AT(local_socket), "", 0,
	  0, NULL,
	  "Path of a unix socket for programs of this machine, who are logged"
	  " in as the system user they run as; empty: none." },
	{ "submission", "local-socket-mode", OPTION_ENUM, AT(local_mode),
	  "0666", 0, 0, listen_options_modes,
	  "Its permissions: who may send by it." },
	{ "submission", "maildrop", OPTION_STRING, AT(maildrop), "", 0, 0, NULL,
	  "Directory from which messages are taken that postpair-sendmail left"
	  " while the server was not there; empty: none." },
	{ "local-users", NULL, OPTION_MAP, AT(local_users), "", 0, 0, NULL,
	  "Addresses of system users: name = login [address ...], * for any;"
	  " who is not named is name@hostname." },

	{ "relay", "connections", OPTION_INT, AT(connections), "64", 1, 256,
	  NULL,
	  "Deliveries at once, over all destinations; one login has at most"
	  " half of them." },
	{ "relay", "connections-per-destination", OPTION_INT,
	  AT(connections_per_destination), "16", 1, 256, NULL,
	  "Most deliveries at once to one receiver; how many is found out." },
	{ "relay", "connect-timeout", OPTION_TIME, AT(relay_connect), "30s",
	  100, HOUR, NULL, "Longest wait for a connection." },
	{ "relay", "greeting-timeout", OPTION_TIME, AT(relay_greeting), "1m",
	  100, HOUR, NULL,
	  "Longest wait for a server's first word; RFC 5321 has 5m." },
	{ "relay", "command-timeout", OPTION_TIME, AT(relay_command), "5m", 100,
	  HOUR, NULL, "Longest wait for the reply to a command." },
	{ "relay", "data-timeout", OPTION_TIME, AT(relay_data), "1h", 100,
	  24 * HOUR, NULL,
	  "Longest time for a message, and for recipients to be asked about." },
	{ "relay", "final-timeout", OPTION_TIME, AT(relay_final), "10m", 100,
	  24 * HOUR, NULL,
	  "Longest wait for the reply to a message, and for a piece of it to"
	  " be taken." },
	{ "relay", "idle-timeout", OPTION_TIME, AT(relay_idle), "5s", 0, HOUR,
	  NULL, "How long a connection is kept for the next message." },
	{ "relay", "ca-file", OPTION_STRING, AT(relay_ca_file), "", 0, 0, NULL,
	  "Authorities that certificates of servers are checked by; empty: the"
	  " system's." },
	{ "relay", "tls-memory", OPTION_TIME, AT(relay_tls_memory), "30d", 0,
	  720 * (int64_t)HOUR, NULL,
	  "How long it is remembered how well a destination was protected; 0:"
	  " not at all." },
	{ "relay", "search-timeout", OPTION_TIME, AT(relay_search), "5m", 100,
	  HOUR, NULL,
	  "Longest search for one of the servers that MX records name." },
	{ "relay", "mx-port", OPTION_INT, AT(relay_mx_port), "25", 1, 65535,
	  NULL, "Port of those servers." },
	{ "relay", "own", OPTION_WORDS, AT(relay_own), "", 0, 0, NULL,
	  "Host names and addresses that are ours beside the hostname: where an"
	  " MX record must not lead." },
	{ "relay", "loopback-mx", OPTION_BOOL, AT(relay_loopback_mx), "no", 0,
	  0, NULL,
	  "An MX record may lead to this machine's loopback; no: it is a "
	  "loop." },
	{ "relay", "address-literals", OPTION_BOOL, AT(relay_literals), "no", 0,
	  0, NULL, "Send mail for user@[192.0.2.1] to that address." },

	{ "dns", "servers", OPTION_WORDS, AT(dns_servers), "", 0, 0, NULL,
	  "Name servers to ask, address:port; empty: those of"
	  " /etc/resolv.conf." },
	{ "dns", "trust-anchor", OPTION_STRING, AT(dns_trust_anchor), "", 0, 0,
	  NULL,
	  "File of DNSSEC keys to begin with; empty: no answer counts as"
	  " secure." },
	{ "dns", "timeout", OPTION_TIME, AT(dns_timeout), "30s", 100, 5 * MIN,
	  NULL, "Longest wait for the MX records and addresses of a domain." },

	{ "mta-sts", "enabled", OPTION_BOOL, AT(sts), "yes", 0, 0, NULL,
	  "Heed what domains say about TLS (RFC 8461)." },
	{ "mta-sts", "timeout", OPTION_TIME, AT(sts_timeout), "1m", 100,
	  5 * MIN, NULL, "Longest wait for a policy." },
	{ "mta-sts", "connect-to", OPTION_STRING, AT(sts_connect_to), "", 0, 0,
	  NULL,
	  "For tests: host:port that policies are fetched from, whatever the"
	  " domain." },

	{ "queue", "max-messages", OPTION_INT, AT(max_messages), "100000", 1,
	  10000000, NULL, "Messages that may wait; one more gets 452." },
	{ "queue", "retry-min", OPTION_TIME, AT(retry_min), "30s", 100,
	  24 * HOUR, NULL, "Wait after the first failure; then doubled." },
	{ "queue", "retry-max", OPTION_TIME, AT(retry_max), "1h", 100,
	  24 * HOUR, NULL, "Longest wait between two tries." },
	{ "queue", "delay-warning", OPTION_TIME, AT(delay_warning), "4h", 0,
	  720 * (int64_t)HOUR, NULL,
	  "Age at which the sender of a message that still waits is told so;"
	  " 0: never." },
	{ "queue", "trails", OPTION_BOOL, AT(trails), "yes", 0, 0, NULL,
	  "Keep what was said about each message on every hop." },
	{ "queue", "expiry", OPTION_TIME, AT(expiry), "5d", 1000,
	  720 * (int64_t)HOUR, NULL,
	  "Age at which a message is given up and its sender told." },
	{ "queue", "durability", OPTION_ENUM, AT(durability), "journal", 0, 0,
	  durabilities,
	  "journal: many messages share one sync; strict: a synced file for"
	  " each." },
	{ "queue", "journal-message-max", OPTION_SIZE, AT(journal_message_max),
	  "256K", 1024, 1024 * 1024, NULL,
	  "Largest message kept in the journal; over it a file at once." },
	{ "queue", "memory-max", OPTION_SIZE, AT(memory_max), "64M",
	  1024 * 1024, (int64_t)1 << 36, NULL,
	  "Message text held in memory; over it files at once." },
	{ "queue", "checkpoint", OPTION_TIME, AT(checkpoint), "5s", 100, HOUR,
	  NULL, "Age at which a message that still waits gets its file." },

	{ "verify", "enabled", OPTION_BOOL, AT(verify), "yes", 0, 0, NULL,
	  "Ask the receiver about each recipient while the client waits." },
	{ "verify", "timeout", OPTION_TIME, AT(verify_timeout), "10s", 100,
	  5 * MIN, NULL,
	  "Longest wait for the receiver's answer; then the message is"
	  " queued." },
	{ "verify", "connections", OPTION_INT, AT(verify_connections), "16", 1,
	  1000, NULL, "Questions at once, over all receivers." },
	{ "verify", "positive-ttl", OPTION_TIME, AT(verify_yes_ttl), "24h", 0,
	  720 * (int64_t)HOUR, NULL, "How long a yes is remembered." },
	{ "verify", "negative-ttl", OPTION_TIME, AT(verify_no_ttl), "2h", 0,
	  720 * (int64_t)HOUR, NULL, "How long a no is remembered." },
	{ "verify", "cache-size", OPTION_INT, AT(verify_cache), "10000", 1,
	  1000000, NULL, "Addresses remembered." },

	{ "milters", NULL, OPTION_MAP, AT(milter_section), "", 0, 0, NULL,
	  "Filters: name = inet:host:port or unix:/path, then default=tempfail,"
	  " accept or reject, and timeouts." },
	{ "routes", NULL, OPTION_MAP, AT(routes), "", 0, 0, NULL,
	  "Where the mail of a domain goes: domain = [lmtp:]host[:port]"
	  " [tls=LEVEL] [auth=NAME], lmtp:/path or mx; * for all others." },
	{ "sender-routes", NULL, OPTION_MAP, AT(sender_routes), "", 0, 0, NULL,
	  "Where mail from address or @domain goes that has no line for its"
	  " recipient's domain: as in [routes]." },
	{ "credentials", NULL, OPTION_MAP, AT(credentials), "", 0, 0, NULL,
	  "What auth=NAME stands for: NAME = login password-file." },
	{ NULL, NULL, OPTION_BOOL, 0, NULL, 0, 0, NULL, NULL },
};

const struct option *
sender_options_table(void)
{
	return table;
}

void
sender_options_settings(const void *options, struct daemon_settings *s)
{
	const struct sender_options *o = options;

	s->log_file = o->log_file;
	s->log_level = (enum log_level)o->log_level;
	s->log_delay_ms = o->log_delay;
	s->pid_file = o->pid_file;
	s->ports_file = o->ports_file;
	s->user = o->user;
}
