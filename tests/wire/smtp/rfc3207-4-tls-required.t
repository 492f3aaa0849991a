# Where TLS is required, nothing that counts is taken before it.
set auth 1
set tls 1
set tls-required 1
< 220 *
> NOOP
expect 250
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
> MAIL FROM:<alice@abc.com>
expect 530 5.7.0
> AUTH PLAIN AGFsaWNlQGFiYy5jb20Ac2VjcmV0
expect 530 5.7.0
> VRFY bob
expect 530 5.7.0
>> BDAT 6 LAST\r\nQUIT\r\n
expect 530 5.7.0
> RSET
expect 250
> STARTTLS
expect 220
tls
> EHLO c
expect 250 has AUTH PLAIN
> AUTH PLAIN AGFsaWNlQGFiYy5jb20Ac2VjcmV0
expect 235
> MAIL FROM:<alice@abc.com>
expect 250
> QUIT
expect 221
expect close
