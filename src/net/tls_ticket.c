#include <string.h>

#include "base/clock.h"
#include "base/rand.h"
#include "net/tls_private.h"

/*
 * Session tickets (RFC 5077, RFC 8446 4.6.1).  Who has the key of a ticket can
 * read what it resumes, so a key lives for two lifetimes of a ticket and no
 * longer.  Each content makes its own: a ticket of one service is noise to the
 * next, and one from before a reload (other certificates, other issuers of
 * clients) leads to a full handshake.
 */
enum { TICKET_S = 2 * 3600, TICKET_MS = TICKET_S * 1000 };

static void
new_key(struct tls_ticket_key *k, int64_t now_ms)
{
	rand_bytes(k, sizeof(*k));
	k->born_ms = now_ms;
}

/* The key that seals now. */
static struct tls_ticket_key
sealing_key(struct tls_tickets *t)
{
	int64_t now = clock_mono_ms();

	(void)pthread_mutex_lock(&t->lock);
	if (now - t->now.born_ms >= TICKET_MS) {
		t->before = t->now;
		new_key(&t->now, now);
	}
	struct tls_ticket_key k = t->now;
	(void)pthread_mutex_unlock(&t->lock);
	return k;
}

/* The key with that name: 1 found, 2 found and about to go, 0 not found. */
static int
opening_key(struct tls_tickets *t, const unsigned char *name,
	    struct tls_ticket_key *k)
{
	int64_t now = clock_mono_ms();
	int found = 0;

	(void)pthread_mutex_lock(&t->lock);
	if (memcmp(t->now.name, name, TLS_TICKET_NAME_BYTES) == 0) {
		*k = t->now;
		found = 1;
	} else if (memcmp(t->before.name, name, TLS_TICKET_NAME_BYTES) == 0) {
		*k = t->before;
		found = 2;
	}
	(void)pthread_mutex_unlock(&t->lock);
	return found != 0 && now - k->born_ms < 2 * (int64_t)TICKET_MS ? found
								       : 0;
}

static int
ticket_key(SSL *ssl, unsigned char *name, unsigned char *iv,
	   EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int sealing)
{
	struct tls_content *c = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	struct tls_ticket_key k;
	char digest[] = "SHA256";
	int found = 1;

	if (sealing) {
		k = sealing_key(&c->tickets);
		memcpy(name, k.name, TLS_TICKET_NAME_BYTES);
		rand_bytes(iv, 16);
	} else {
		found = opening_key(&c->tickets, name, &k);
		if (found == 0)
			return 0;
	}
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, k.mac,
						  sizeof(k.mac)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest,
						 0),
		OSSL_PARAM_construct_end(),
	};
	int ok = EVP_MAC_CTX_set_params(mac, params) == 1 &&
		 (sealing ? EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), NULL,
					       k.cipher, iv)
			  : EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), NULL,
					       k.cipher, iv)) == 1;
	OPENSSL_cleanse(&k, sizeof(k));
	return ok ? found : -1;
}

void
tls_tickets_use(struct tls_content *c)
{
	/* both are random from the start, so that no ticket fits `before` */
	new_key(&c->tickets.now, clock_mono_ms());
	new_key(&c->tickets.before, clock_mono_ms());
	(void)SSL_CTX_set_timeout(c->ctx, TICKET_S);
	(void)SSL_CTX_set_num_tickets(c->ctx, 1);
	(void)SSL_CTX_set_tlsext_ticket_key_evp_cb(c->ctx, ticket_key);
}

void
tls_tickets_clear(struct tls_tickets *t)
{
	OPENSSL_cleanse(&t->now, sizeof(t->now));
	OPENSSL_cleanse(&t->before, sizeof(t->before));
}
