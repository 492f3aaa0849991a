# The policy's no at DATA, in the text and at its end.
< 220 *
> EHLO c
expect 250
> MAIL FROM:<nodata@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> DATA
expect 451 4.3.0
> DATA
expect 503 5.5.1
> MAIL FROM:<diskfull@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> DATA
expect 354
> \{200000:z}
> .
expect 452 4.3.1
> MAIL FROM:<late@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> DATA
expect 354
> text
> .
expect 554 5.6.0
> QUIT
expect 221
stored: 0
