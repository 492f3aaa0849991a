# From another machine: neither offered nor taken; nothing behind it, either.
set xclient 1
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
> XCLIENT ADDR=127.0.0.1 LOGIN=alice+40abc.com
expect 550 5.7.1
>> XCLIENT ADDR=127.0.0.1\r\nNOOP\r\n
expect 503 5.5.1
expect 421 4.7.0
expect close
