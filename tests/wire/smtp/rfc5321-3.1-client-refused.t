# RFC 5321 3.1: 554 instead of a greeting; the server waits for QUIT and answers
# 503 to everything else.
set connect-code 550
< 554 mx.test Not from there
> EHLO c
< 503 5.5.1 *
> MAIL FROM:<alice@abc.com>
< 503 5.5.1 *
> GET / HTTP/1.1
< 503 5.5.1 *
> QUIT
< 221 2.0.0 mx.test *
expect close
policy: connect 127.0.0.1
policy: disconnect
policy: none
