# DATA without an accepted recipient is 503.
set lmtp 1
< 220 *
> LHLO c
expect 250
> MAIL FROM:<>
expect 250
> RCPT TO:<nobody@xyz.com>
expect 550
> DATA
expect 503 5.5.1
> RCPT TO:<bob@xyz.com>
expect 250
> DATA
expect 354
> x
> .
expect 250
> QUIT
expect 221
stored: 1
