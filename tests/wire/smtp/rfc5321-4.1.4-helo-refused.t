# RFC 5321 4.1.4: a refused EHLO or HELO leaves the session as it was.
< 220 *
> EHLO refused.test
< 550 5.7.1 Not by that name
> MAIL FROM:<alice@abc.com>
< 503 5.5.1 *
> HELO temp.test
< 450 4.7.1 Not by that name now
> EHLO c
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> EHLO refused.test
< 550 5.7.1 *
> RCPT TO:<carol@xyz.com>
expect 250
> EHLO c
expect 250
> RCPT TO:<carol@xyz.com>
< 503 5.5.1 *
> QUIT
expect 221
expect close
policy: mail alice@abc.com size=-1 esmtp
policy: rcpt bob@xyz.com
policy: rcpt carol@xyz.com
policy: reset
policy: none
