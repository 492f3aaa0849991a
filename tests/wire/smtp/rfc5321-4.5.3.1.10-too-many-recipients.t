# The 101st recipient (here the 4th) waits for the next transaction.
set recipients-max 3
< 220 *
> EHLO c
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<a@xyz.com>
expect 250
> RCPT TO:<nobody@xyz.com>
expect 550 5.1.1
> RCPT TO:<b@xyz.com>
expect 250
> RCPT TO:<c@xyz.com>
expect 250
> RCPT TO:<d@xyz.com>
expect 452 4.5.3
> RCPT TO:<not an address>
expect 501 5.1.3
> DATA
expect 354
> x
> .
expect 250
> QUIT
expect 221
stored: 1
