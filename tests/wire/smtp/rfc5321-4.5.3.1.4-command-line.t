# 512 octets with CRLF are good; more is 500 and the session goes on.
< 220 *
> NOOP \{505:x}
expect 250 2.0.0
> NOOP \{506:x}
expect 500 5.5.2
> NOOP \{12279:x}
expect 500 5.5.2
> NOOP \{12400:x}
expect 500 5.5.2
> NOOP \{100000:x}
expect 500 5.5.2
> \{100000:y}
expect 500 5.5.2
> EHLO c
expect 250
> MAIL FROM:<alice@abc.com> SIZE=1\{1278: }
expect 250
> RSET
expect 250
> MAIL FROM:<alice@abc.com> SIZE=1\{1279: }
expect 500 5.5.2
> QUIT
expect 221
