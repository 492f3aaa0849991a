# RFC 1870: too large is 552, known before the octets come; they are thrown away.
set size-max 1000
< 220 *
> EHLO c
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
>> BDAT 600\r\n\{598:x}\r\n
expect 250
>> BDAT 401 LAST\r\n\{399:x}\r\n
expect 552 5.3.4
>> BDAT 6\r\nQUIT\r\nBDAT 6 LAST\r\nQUIT\r\n
expect 503 5.5.1
expect 503 5.5.1
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
>> BDAT 1000 LAST\r\n\{998:y}\r\n
expect 250 2.0.0
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
>> BDAT 300000 LAST\r\n\{300000:y}
expect 552 5.3.4
> QUIT
expect 221
stored: 1
size: 1000
