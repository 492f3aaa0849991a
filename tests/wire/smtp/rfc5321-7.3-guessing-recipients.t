# Refused recipients have a limit of their own, five times the errors.
set errors-max 2
< 220 *
> EHLO c
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<nobody@xyz.com>
expect 550 5.1.1
> RCPT TO:<nobody@xyz.com>
expect 550 5.1.1
> RCPT TO:<nobody@xyz.com>
expect 550 5.1.1
> RCPT TO:<nobody@xyz.com>
expect 550 5.1.1
> RCPT TO:<nobody@xyz.com>
expect 550 5.1.1
> RCPT TO:<nobody@xyz.com>
expect 550 5.1.1
> RCPT TO:<nobody@xyz.com>
expect 550 5.1.1
> RCPT TO:<nobody@xyz.com>
expect 550 5.1.1
> RCPT TO:<nobody@xyz.com>
expect 550 5.1.1
> RCPT TO:<nobody@xyz.com>
expect 421 4.7.0
expect close
