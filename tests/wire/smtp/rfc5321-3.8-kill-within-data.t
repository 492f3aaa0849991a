< 220 *
> EHLO c
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> DATA
expect 354
> half
kill
expect 421 4.3.2
expect close
stored: 0
