# A number that fits nowhere is too large, not something small.
set size-max 0
< 220 *
> EHLO c
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> BDAT 18446744073709551617
expect 552 5.3.4
expect 421 4.7.0
expect close
stored: 0
