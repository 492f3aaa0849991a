# Who is trusted names the client; the session begins anew with a greeting.
set auth 1
set queue 1
set xclient 1
< 220 *
> EHLO c
expect 250 has XCLIENT NAME ADDR PORT PROTO HELO LOGIN
> XCLIENT ADDR=192.0.2.7 NAME=[UNAVAILABLE] PORT=4711 HELO=host.example PROTO=ESMTP
expect 220 mx.test
> MAIL FROM:<alice@abc.com>
expect 503 5.5.1
> EHLO c
expect 250 has XCLIENT
> AUTH PLAIN AGFsaWNlQGFiYy5jb20Ac2VjcmV0
expect 538 5.7.11
> XCLIENT LOGIN=carol+40xyz.com ADDR=IPV6:2001:db8::1
expect 220
> EHLO c
expect 250
> XQUEUE LIST
expect 250
> XCLIENT ADDR=127.0.0.1
expect 220
> EHLO c
expect 250 has AUTH
> AUTH PLAIN AGFsaWNlQGFiYy5jb20Ac2VjcmV0
expect 235
> MAIL FROM:<alice@abc.com>
expect 250
> XCLIENT ADDR=192.0.2.7
expect 503 5.5.1
> QUIT
expect 221
policy: queue carol@xyz.com LIST
policy: mail *
policy: reset
policy: none
