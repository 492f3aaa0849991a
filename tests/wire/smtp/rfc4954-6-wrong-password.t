# 535 five times; the fifth closes.
set auth 1
< 220 *
> EHLO c
expect 250
> AUTH PLAIN AGFsaWNlQGFiYy5jb20AYmFk
expect 535 5.7.8
> AUTH PLAIN AGFsaWNlQGFiYy5jb20AYmFk
expect 535 5.7.8
> AUTH PLAIN AGFsaWNlQGFiYy5jb20AYmFk
expect 535 5.7.8
> AUTH PLAIN AGFsaWNlQGFiYy5jb20AYmFk
expect 535 5.7.8
> AUTH PLAIN AGFsaWNlQGFiYy5jb20AYmFk
expect 421 4.7.0
expect close
