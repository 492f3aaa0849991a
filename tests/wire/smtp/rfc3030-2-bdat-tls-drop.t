# TLS that ends in the middle of a chunk is the end: nothing is kept.
set tls 1
< 220 *
> EHLO c
expect 250
> STARTTLS
expect 220
tls
> EHLO c
expect 250 has CHUNKING
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
>> BDAT 4\r\nhi\r\n
expect 250
>> BDAT 100 LAST\r\nhalf
drop
policy: mail *
policy: rcpt *
policy: data
policy: reset
policy: none
stored: 0
