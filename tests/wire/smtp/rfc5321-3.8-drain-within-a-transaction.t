# A message under way is finished first.
< 220 *
> EHLO c
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
drain
> RCPT TO:<bob@xyz.com>
expect 250
> DATA
expect 354
> last one
> .
expect 250 2.0.0
expect 421 4.3.2
expect close
message: last one\r\n
