#include "auth/login_options.h"

#include "net/network.h"

int
login_options_sasl(struct sasl **s, const struct login_options *o,
		   struct users *users, struct err *e)
{
	struct sasl_options sasl = {
		.users = users,
		.guard = { .window_ms = o->failure_window,
			   .address_failures = o->address_failures,
			   .user_failures = o->user_failures,
			   .delay_ms = o->failure_delay,
			   .delay_max_ms = o->failure_delay_max },
		.mechanisms = (const char *const *)o->mechanisms.v,
		.n_mechanisms = o->mechanisms.n,
		.exempt = o->exempt.v,
		.n_exempt = o->exempt.n,
		.channel_binding = o->channel_binding,
	};

	return sasl_new(s, &sasl, e);
}

int
login_options_check(const struct login_options *o, const char *path,
		    struct err *e)
{
	struct sasl *s = NULL;

	if (network_list_check(path, "[login] exempt", &o->exempt, e) != 0)
		return -1;
	if (login_options_sasl(&s, o, NULL, e) != 0)
		return err_prefix(e, "%s: [login] mechanisms", path);
	sasl_free(&s);
	return 0;
}
