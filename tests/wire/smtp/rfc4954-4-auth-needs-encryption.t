# In clear text only from loopback, unless configured so.
set auth 1
set remote 1
< 220 *
> EHLO c
< 250-mx.test
< 250-PIPELINING
< 250-SIZE 1000000
< 250-8BITMIME
< 250-CHUNKING
< 250-SMTPUTF8
< 250-ENHANCEDSTATUSCODES
< 250-LIMITS RCPTMAX=100
< 250 HELP
> AUTH PLAIN AGFsaWNlQGFiYy5jb20Ac2VjcmV0
expect 538 5.7.11
> QUIT
expect 221
