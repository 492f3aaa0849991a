# The policy's no to MAIL leaves no transaction.
< 220 *
> EHLO c
expect 250
> MAIL FROM:<refused@abc.com>
expect 550 5.7.1
> RCPT TO:<bob@xyz.com>
expect 503 5.5.1
> MAIL FROM:<temp@abc.com>
expect 451 4.7.1
> MAIL FROM:<zero@abc.com>
expect 451 4.3.0
> MAIL FROM:<alice@abc.com>
expect 250 2.1.0
> MAIL FROM:<alice@abc.com>
expect 503 5.5.1
> RSET
expect 250
> MAIL FROM:<shut@abc.com>
expect 421 4.3.2
expect close
stored: 0
