# DATA without a recipient is 554, before MAIL 503; a refused one is none.
< 220 *
> EHLO c
expect 250
> DATA
expect 503 5.5.1
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<nobody@xyz.com>
expect 550 5.1.1
> DATA
expect 554 5.5.1
> RCPT TO:<bob@xyz.com>
expect 250 2.1.5
> DATA now
expect 501 5.5.4
> DATA
expect 354
> .
expect 250 2.0.0
> QUIT
expect 221
message: 
