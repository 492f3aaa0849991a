#ifndef PP_NET_TLS_OUTCOME_H
#define PP_NET_TLS_OUTCOME_H

#include "net/stream.h"

/*
 * What came of TLS on one connection, as a client sees it.  Unlike struct
 * tls_info it is a copy: it outlives the stream, so that a caller whose
 * connection failed can say why, and do something else.  Thread: one at a time.
 */
enum tls_step {
	TLS_STEP_NONE,         /* not asked for, or not reached */
	TLS_STEP_NOT_OFFERED,  /* the peer does not offer to begin it */
	TLS_STEP_REFUSED,      /* the peer said no to STARTTLS or STLS */
	TLS_STEP_FAILED,       /* the handshake did not come to an end */
	TLS_STEP_UNACCEPTABLE, /* the certificate is not what we demand */
	TLS_STEP_ON,           /* encrypted from here on */
};

struct tls_outcome {
	enum tls_step step;
	/* The rest is known when step is UNACCEPTABLE or ON; see tls_info. */
	bool verified, resumed;
	enum tls_check check; /* what was demanded */
	enum tls_fault fault;
	char why_not[128];
	char version[16], cipher[64];
	char subject[128], issuer[128], dns[256];
	int64_t expires;
	bool has_pin;
	uint8_t pin[TLS_PIN_BYTES];
};

/*
 * tls_outcome_connect - stream_connect_tls, and *o says what came of it.
 * peer NULL: encrypt, to whomever.
 */
int tls_outcome_connect(struct tls_outcome *o, struct stream *s,
			struct tls_client *client, const struct tls_peer *peer,
			int64_t deadline_ms, struct err *e);

/* tls_outcome_text - "TLSv1.3 TLS_AES_256_GCM_SHA384, CN=mx.example by CN=..,
 * verified", or what else came of it; for people.  Returns buf. */
const char *tls_outcome_text(const struct tls_outcome *o, char *buf,
			     size_t size);

#endif
