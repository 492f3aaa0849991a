# A last line without its CRLF gets it: the next hop may be told by DATA.
< 220 *
> EHLO c
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
>> BDAT 2 LAST\r\nhi
expect 250 2.0.0
> QUIT
expect 221
message: hi\r\n
