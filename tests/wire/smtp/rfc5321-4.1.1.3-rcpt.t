# RCPT: verdicts are the policy's, syntax is ours.
< 220 *
> EHLO c
expect 250
> RCPT TO:<bob@xyz.com>
expect 503 5.5.1
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT
expect 501 5.5.4
> RCPT bob@xyz.com
expect 501 5.5.4
> RCPT TO:bob
expect 501 5.1.3
> RCPT TO:<>
expect 501 5.1.3
> RCPT TO:<bob>
expect 501 5.1.3
> RCPT TO:<bob@xyz.com> NOTIFY=NEVER
expect 555 5.5.4
> RCPT TO:<bob@xyz.com>x
expect 501 5.5.4
> RCPT TO:<nobody@xyz.com>
expect 550 5.1.1
> RCPT TO:<full@xyz.com>
expect 452 4.2.2
> RCPT TO:<bob@elsewhere.test>
expect 550 5.7.1
> RCPT TO:<far@xyz.com>
expect 251 2.1.5
> rcpt to: <postmaster>
expect 250 2.1.5
> RCPT TO:<@relay.test:bob@xyz.com>
expect 250 2.1.5
> DATA
expect 354
> hello
> .
expect 250 2.0.0
> QUIT
expect 221
message: hello\r\n
