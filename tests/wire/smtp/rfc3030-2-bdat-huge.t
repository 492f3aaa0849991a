# More than could be thrown away: refused and closed at once.
< 220 *
> EHLO c
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> BDAT 9223372036854775807 LAST
expect 552 5.3.4
expect 421 4.7.0
expect close
stored: 0
