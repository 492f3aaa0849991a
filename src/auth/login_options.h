#ifndef PP_AUTH_LOGIN_OPTIONS_H
#define PP_AUTH_LOGIN_OPTIONS_H

#include "auth/sasl.h"
#include "base/option.h"

/* What the section [login] says, of either server. */
struct login_options {
	struct option_list mechanisms, exempt;
	bool channel_binding;
	int64_t failure_window, address_failures, user_failures;
	int64_t failure_delay, failure_delay_max;
};

/* LOGIN_OPTIONS - the rows of an option table whose struct has a member `login`
 * of this type. */
/* clang-format off */
#define LOGIN_OPTIONS(type) \
	{ "login", "mechanisms", OPTION_WORDS, \
	  offsetof(type, login.mechanisms), "", 0, 0, NULL, \
	  "SASL mechanisms that may be offered; none: all that serve every" \
	  " user." }, \
	{ "login", "channel-binding", OPTION_BOOL, \
	  offsetof(type, login.channel_binding), "no", 0, 0, NULL, \
	  "Offer the -PLUS mechanisms on encrypted connections; some programs" \
	  " choose them and cannot use them." }, \
	{ "login", "failure-window", OPTION_TIME, \
	  offsetof(type, login.failure_window), "15m", 1000, 86400000, NULL, \
	  "How long a failed login counts." }, \
	{ "login", "address-failures", OPTION_INT, \
	  offsetof(type, login.address_failures), "20", 1, 1000000, NULL, \
	  "Over so many from one address in that time logins from there wait" \
	  " for their turn." }, \
	{ "login", "user-failures", OPTION_INT, \
	  offsetof(type, login.user_failures), "100", 1, 1000000, NULL, \
	  "The same for one user, from addresses unknown for that user." }, \
	{ "login", "exempt", OPTION_WORDS, offsetof(type, login.exempt), \
	  "127.0.0.0/8 ::1 unix", 0, 0, NULL, \
	  "Networks that the limit by address is not for." }, \
	{ "login", "failure-delay", OPTION_TIME, \
	  offsetof(type, login.failure_delay), "500ms", 0, 60000, NULL, \
	  "Wait before the first wrong password is answered; doubles each" \
	  " time." }, \
	{ "login", "failure-delay-max", OPTION_TIME, \
	  offsetof(type, login.failure_delay_max), "30s", 0, 60000, NULL, \
	  "It grows up to this." }
/* clang-format on */

/* login_options_check - are the mechanisms known ones?  -1 (PERM) with
 * "path: [login] mechanisms: reason". */
int login_options_check(const struct login_options *o, const char *path,
			struct err *e);

/* login_options_sasl - what sessions log in with. */
int login_options_sasl(struct sasl **s, const struct login_options *o,
		       struct users *users, struct err *e);

#endif
