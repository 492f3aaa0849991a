# LMTP has LHLO, which is EHLO, and neither HELO nor EHLO.
set lmtp 1
< 220 mx.test LMTP*
> EHLO c
expect 500 5.5.1
> HELO c
expect 500 5.5.1
> MAIL FROM:<alice@abc.com>
< 503 5.5.1 *LHLO first
> LHLO
< 501 5.5.4 Syntax: LHLO hostname
> LHLO c
expect 250 has mx.test, PIPELINING, 8BITMIME, ENHANCEDSTATUSCODES
> HELP
< 214 2.0.0 Commands: LHLO STARTTLS AUTH MAIL RCPT DATA *
> HELP EHLO
expect 504 5.5.4
> QUIT
expect 221
