# Addresses beyond ASCII need SMTPUTF8 at MAIL.
< 220 *
> EHLO c
expect 250
> MAIL FROM:<j\xc3\xb6rg@abc.com>
expect 553 5.6.7
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<j\xc3\xb6rg@xyz.com>
expect 553 5.6.7
> RSET
expect 250
> MAIL FROM:<j\xc3\xb6rg@abc.com> SMTPUTF8
expect 250
> RCPT TO:<j\xc3\xb6rg@xyz.com>
expect 250
> RCPT TO:<bad\xff@xyz.com>
expect 501 5.1.3
> QUIT
expect 221
