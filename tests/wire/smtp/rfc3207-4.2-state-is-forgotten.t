# 4.2: the name, the login and the transaction from before TLS are gone.
set auth 1
set auth-required 1
set tls 1
< 220 *
> EHLO c
expect 250 has AUTH PLAIN, STARTTLS
> AUTH PLAIN AGFsaWNlQGFiYy5jb20Ac2VjcmV0
expect 235
> STARTTLS
expect 220
tls
> MAIL FROM:<alice@abc.com>
expect 503 5.5.1
> EHLO d
expect 250 has AUTH PLAIN
> MAIL FROM:<alice@abc.com>
expect 530 5.7.0
> QUIT
expect 221
expect close
