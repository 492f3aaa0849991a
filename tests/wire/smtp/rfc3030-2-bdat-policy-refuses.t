# At the first chunk as at DATA; while it is written; at the end.
< 220 *
> EHLO c
expect 250
> MAIL FROM:<nodata@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
>> BDAT 6\r\nQUIT\r\n
expect 451 4.3.0
> MAIL FROM:<diskfull@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
>> BDAT 8\r\nQUIT\r\n\r\n
expect 452 4.3.1
>> BDAT 6 LAST\r\nQUIT\r\n
expect 503 5.5.1
> MAIL FROM:<late@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
>> BDAT 6 LAST\r\nQUIT\r\n
expect 554 5.6.0
> QUIT
expect 221
stored: 0
