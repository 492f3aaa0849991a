# Not before EHLO, not after HELO, not in a transaction.
set auth 1
< 220 *
> AUTH PLAIN AGFsaWNlQGFiYy5jb20Ac2VjcmV0
expect 503 5.5.1
> HELO c
expect 250
> AUTH PLAIN AGFsaWNlQGFiYy5jb20Ac2VjcmV0
expect 503 5.5.1
> EHLO c
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> AUTH PLAIN AGFsaWNlQGFiYy5jb20Ac2VjcmV0
expect 503 5.5.1
> QUIT
expect 221
