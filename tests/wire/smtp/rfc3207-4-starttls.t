# The list before and after; AUTH comes with TLS.
set auth 1
set tls 1
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
< 250-STARTTLS
< 250 HELP
> AUTH PLAIN AGFsaWNlQGFiYy5jb20Ac2VjcmV0
expect 538 5.7.11
> STARTTLS
expect 220 2.0.0
tls
> EHLO c
< 250-mx.test
< 250-PIPELINING
< 250-SIZE 1000000
< 250-8BITMIME
< 250-CHUNKING
< 250-SMTPUTF8
< 250-ENHANCEDSTATUSCODES
< 250-LIMITS RCPTMAX=100
< 250-AUTH PLAIN*
< 250 HELP
> STARTTLS
expect 503 5.5.1
> AUTH PLAIN AGFsaWNlQGFiYy5jb20Ac2VjcmV0
expect 235
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> DATA
expect 354
> text
> .
expect 250
> QUIT
expect 221
expect close
message: text\r\n
