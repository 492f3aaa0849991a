# RCPTMAX is what it says: one more is 452 4.5.3.
set recipients-max 2
< 220 *
> EHLO c
expect 250 has LIMITS RCPTMAX=2
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> RCPT TO:<carol@xyz.com>
expect 250
> RCPT TO:<dave@xyz.com>
expect 452 4.5.3
> QUIT
expect 221
