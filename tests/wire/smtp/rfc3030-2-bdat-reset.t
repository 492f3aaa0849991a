# RSET, EHLO and a lost connection between chunks leave nothing.
< 220 *
> EHLO c
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
>> BDAT 4\r\nhi\r\n
expect 250
> RSET
expect 250
>> BDAT 4 LAST\r\nho\r\n
expect 503 5.5.1
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
>> BDAT 4\r\nhi\r\n
expect 250
> EHLO c
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
>> BDAT 4\r\nhi\r\n
expect 250
>> BDAT 100 LAST\r\nhalf
drop
stored: 0
