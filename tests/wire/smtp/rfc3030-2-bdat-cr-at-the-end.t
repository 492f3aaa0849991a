# A CR is bare when the message ends with it, or the next chunk begins with text.
< 220 *
> EHLO c
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
>> BDAT 3 LAST\r\nhi\r
< 550 5.6.11 Message with a bare CR *
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
>> BDAT 3\r\nhi\r
expect 250
>> BDAT 3 LAST\r\nho\r
< 550 5.6.11 Message with a bare CR *
> QUIT
expect 221
stored: 0
