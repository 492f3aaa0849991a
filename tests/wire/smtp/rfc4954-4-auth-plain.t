# With and without an initial response; then MAIL is allowed, AUTH is not.
set auth 1
set auth-required 1
< 220 *
> EHLO c
expect 250 has AUTH PLAIN LOGIN
> MAIL FROM:<alice@abc.com>
expect 530 5.7.0
> AUTH
expect 501 5.5.4
> AUTH PLAIN
< 334 
> AGFsaWNlQGFiYy5jb20Ac2VjcmV0
expect 235 2.7.0
> AUTH PLAIN
expect 503 5.5.1
> EHLO c
expect 250
> MAIL FROM:<alice@abc.com> AUTH=alice+40abc.com
expect 250 2.1.0
> QUIT
expect 221
policy: mail alice@abc.com size=-1 esmtp login=alice@abc.com
policy: reset
