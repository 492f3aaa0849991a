#ifndef PP_SMTP_LIMITS_H
#define PP_SMTP_LIMITS_H

/* Every bound of SMTP in one place, with its source. */
enum {
	SMTP_CMD_MAX = 512,         /* RFC 5321 4.5.3.1.4, CRLF included */
	SMTP_CMD_MAIL_EXTRA = 800,  /* 4.1.1.11: AUTH= 500 (RFC 4954 3 (4));
				       RET, ENVID (RFC 3461 3 (5)) 116;
				       HOLDUNTIL (RFC 4865 4 (5)) 34; SIZE,
				       BODY, SMTPUTF8, REQUIRETLS,
				       XPOSTPAIRID */
	SMTP_CMD_RCPT_EXTRA = 540,  /* RFC 3461 3 (6): NOTIFY and ORCPT */
	SMTP_DELIVERY_ID_MAX = 64,  /* XPOSTPAIRID= */
	SMTP_AUTH_LINE_MAX = 12288, /* RFC 4954 4, CRLF included */
	/* of replies: we write lines <= 512 (4.5.3.1.5), and read what is over
	 * it without its text; the whole of one is bounded too */
	SMTP_REPLY_LINE_MAX = 8192,
	SMTP_REPLY_LINES_MAX = 10000,
	SMTP_REPLY_BYTES_MAX = 1024 * 1024,
	SMTP_EHLO_LINES_MAX = 100,  /* heeded */
	SMTP_RECIPIENTS_MAX = 100,  /* 4.5.3.1.8; the 101st gets 452 4.5.3 */
	SMTP_HAND_OVER_MAX = 1000,  /* ... of a program of this machine, who
				       has one status for all of them */
	SMTP_TEXT_LINE_MAX = 998,   /* RFC 5322 2.1.1; longer is accepted */
	SMTP_RECEIVED_MAX = 100,    /* 6.3 loop detection */
	SMTP_AUTH_FAILURES_MAX = 5, /* then 421 and close */
	SMTP_HANDSHAKE_TIMEOUT_MS = 30 * 1000, /* of TLS, after STARTTLS */
	SMTP_ERRORS_MAX = 20,                  /* then 421 and close */
	SMTP_IDLE_MAX = 10, /* NOOP and the like before login; each more is an
			       error */
	SMTP_REFUSED_FACTOR = 5, /* refused recipients: this times more, for
				    an honest list has stale ones too */
	SMTP_TXN_ARENA_BYTES = 128 * 1024,      /* a policy's share of one */
	SMTP_CHUNK_DROP_MAX = 64 * 1024 * 1024, /* of a refused BDAT, read and
						   thrown away; more: close */
	SMTP_IDLE_TIMEOUT_MS = 5 * 60 * 1000,   /* 4.5.3.2.7 */
	SMTP_DATA_RATE_MIN = 100, /* bytes a second of a message, once it
				     takes longer than the idle timeout */
	SMTP_DATA_TIMEOUT_MS = 30 * 60 * 1000,    /* one whole message */
	SMTP_SESSION_TIMEOUT_MS = 60 * 60 * 1000, /* one whole session */
};

#endif
