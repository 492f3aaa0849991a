# "*" ends the exchange with 501; one may try again.
set auth 1
< 220 *
> EHLO c
expect 250
> AUTH LOGIN
< 334 *
> *
expect 501 5.7.0
> AUTH PLAIN
< 334 
> *
expect 501 5.7.0
> AUTH PLAIN not-base64!
expect 501 5.5.2
> AUTH CRAM-MD5
expect 504 5.5.4
> AUTH \{400:X}
expect 504 5.5.4
> AUTH PLAIN AGFsaWNl two
expect 501 5.5.4
> AUTH PLAIN AGRvd24AeA==
expect 454 4.7.0
> AUTH PLAIN AGFsaWNlQGFiYy5jb20Ac2VjcmV0
expect 235 2.7.0
> QUIT
expect 221
