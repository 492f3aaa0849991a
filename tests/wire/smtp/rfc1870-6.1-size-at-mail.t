# RFC 1870: too large is said at MAIL already.
set size-max 1000
< 220 *
> EHLO c
expect 250 has SIZE 1000
> MAIL FROM:<alice@abc.com> SIZE=1001
expect 552 5.3.4
> MAIL FROM:<alice@abc.com> SIZE=99999999999999999999
expect 552 5.3.4
> MAIL FROM:<alice@abc.com> SIZE=999999999999999999999
expect 501 5.5.4
> MAIL FROM:<alice@abc.com> SIZE=1000
expect 250 2.1.0
> QUIT
expect 221
