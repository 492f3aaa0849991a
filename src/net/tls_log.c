#include "net/tls.h"

void
tls_log(struct log_line *l, const struct tls_info *t)
{
	if (t == NULL)
		return;
	log_str(l, "tls", t->version);
	log_str(l, "cipher", t->cipher);
}

void
tls_log_peer(struct log_line *l, const struct tls_info *t)
{
	tls_log(l, t);
	if (t == NULL)
		return;
	if (t->sni[0] != '\0')
		log_str(l, "sni", t->sni);
	if (t->alpn[0] != '\0')
		log_str(l, "alpn", t->alpn);
	if (t->resumed)
		log_str(l, "resumed", "yes");
	if (!t->has_pin)
		return;
	log_str(l, "peer", t->subject);
	log_str(l, "verified", t->verified ? "yes" : t->why_not);
}
