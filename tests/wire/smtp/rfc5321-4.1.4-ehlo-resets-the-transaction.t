# EHLO in a transaction is as good as RSET.
< 220 *
> EHLO c
expect 250
> MAIL FROM:<alice@abc.com>
expect 250 2.1.0
> RCPT TO:<bob@xyz.com>
expect 250 2.1.5
> EHLO c
expect 250
> RCPT TO:<bob@xyz.com>
expect 503 5.5.1
> MAIL FROM:<alice@abc.com>
expect 250 2.1.0
> DATA
expect 554 5.5.1
> QUIT
expect 221
policy: mail *
policy: rcpt bob@xyz.com
policy: reset
policy: mail *
policy: reset
policy: none
