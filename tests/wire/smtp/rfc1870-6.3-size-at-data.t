# RFC 1870: too large at the end of data; nothing stored, the session goes on.
set size-max 1000
< 220 *
> EHLO c
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> DATA
expect 354
> \{999:x}
> .
expect 552 5.3.4
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> DATA
expect 354
> \{998:x}
> .
expect 250 2.0.0
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> DATA
expect 354
> \{300000:y}
> .
expect 552 5.3.4
> QUIT
expect 221
stored: 1
size: 1000
