# Without a certificate the verb is known and refused.
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
> STARTTLS
expect 502 5.5.1
> QUIT
expect 221
expect close
