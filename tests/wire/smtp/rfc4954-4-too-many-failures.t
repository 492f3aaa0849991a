# A login that has waited in vain is not looked at: 454, try later; and a
# client that goes on is cut off.
set auth 1
< 220 *
> EHLO c
expect 250
> AUTH PLAIN AG1hbnkAeA==
< 454 4.7.0 *
> AUTH PLAIN AG1hbnkAeA==
< 454 4.7.0 *
> AUTH PLAIN AGFsaWNlQGFiYy5jb20AYmFk
expect 535 5.7.8
> AUTH PLAIN AG1hbnkAeA==
< 454 4.7.0 *
> AUTH PLAIN AG1hbnkAeA==
expect 421 4.7.0
expect close
