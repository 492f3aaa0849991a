set auth 1
set remote 1
set clear-text 1
< 220 *
> EHLO c
expect 250 has AUTH PLAIN LOGIN
> AUTH PLAIN AGFsaWNlQGFiYy5jb20Ac2VjcmV0
expect 235 2.7.0
> QUIT
expect 221
