# Not offered to a HELO client (RFC 5321 4.1.1.1); its octets are no commands.
< 220 *
> HELO c
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
>> BDAT 6 LAST\r\nQUIT\r\n
expect 503 5.5.1
> QUIT
expect 221
stored: 0
