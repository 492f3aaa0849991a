set auth 1
< 220 *
> EHLO c
expect 250
> auth plain AGFsaWNlQGFiYy5jb20Ac2VjcmV0
expect 235 2.7.0
> QUIT
expect 221
