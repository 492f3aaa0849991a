# By the letter, and a wrong one changes nothing.
set xclient 1
set errors-max 100
< 220 *
> EHLO c
expect 250
> XCLIENT
expect 501 5.5.4
> XCLIENT ADDR
expect 501 5.5.4
> XCLIENT ADDR=
expect 501 5.5.4
> XCLIENT ADDR=192.0.2
expect 501 5.5.4
> XCLIENT ADDR=2001:db8::1
expect 501 5.5.4
> XCLIENT ADDR=IPV6:192.0.2.7
expect 501 5.5.4
> XCLIENT ADDR=192.0.2.7 ADDR=192.0.2.8
expect 501 5.5.4
> XCLIENT PORT=65536
expect 501 5.5.4
> XCLIENT PORT=x
expect 501 5.5.4
> XCLIENT PROTO=HTTP
expect 501 5.5.4
> XCLIENT COLOUR=red
expect 501 5.5.4
> XCLIENT HELO=a+20b
expect 501 5.5.4
> XCLIENT HELO=a+2
expect 501 5.5.4
> XCLIENT LOGIN=\{300:x}
expect 501 5.5.4
> MAIL FROM:<alice@abc.com>
expect 250
> QUIT
expect 221
policy: mail alice@abc.com *
policy: reset
policy: none
