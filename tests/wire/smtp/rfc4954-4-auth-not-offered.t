< 220 *
> EHLO c
expect 250
> AUTH PLAIN AGFsaWNlQGFiYy5jb20Ac2VjcmV0
expect 502 5.5.1
> QUIT
expect 221
