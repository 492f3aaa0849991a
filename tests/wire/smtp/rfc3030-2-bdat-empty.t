# Zero octets: a chunk, a last chunk, a whole message (2: chunk-size = 1*DIGIT).
< 220 *
> EHLO c
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> BDAT 0
expect 250 2.0.0 0 octets
>> BDAT 4\r\nhi\r\n
expect 250
> BDAT 0 LAST
expect 250 2.0.0 Stored
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> BDAT 00000 LAST
expect 250 2.0.0 Stored
> QUIT
expect 221
message: hi\r\n
size: 0
stored: 2
