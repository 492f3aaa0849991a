# RSET at any time; it forgets the transaction and nothing else.
< 220 *
> RSET
expect 250 2.0.0
> EHLO c
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> RSET all
expect 501 5.5.4
> RSET
expect 250 2.0.0
> DATA
expect 503 5.5.1
> MAIL FROM:<alice@abc.com>
expect 250
> QUIT
expect 221
policy: mail *
policy: rcpt bob@xyz.com
policy: reset
policy: mail *
policy: reset
policy: none
