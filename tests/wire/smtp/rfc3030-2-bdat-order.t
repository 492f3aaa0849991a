# No DATA, MAIL or RCPT after BDAT; BDAT after LAST and without a transaction is
# 503, its octets thrown away.
< 220 *
>> BDAT 6\r\nQUIT\r\n
expect 503 5.5.1
> EHLO c
expect 250
>> BDAT 6 LAST\r\nQUIT\r\n
expect 503 5.5.1
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
>> BDAT 4\r\nhi\r\n
expect 250
> DATA
expect 503 5.5.1
> RCPT TO:<carol@xyz.com>
expect 503 5.5.1
> MAIL FROM:<alice@abc.com>
expect 503 5.5.1
> NOOP
expect 250
>> BDAT 4 LAST\r\nho\r\n
expect 250 2.0.0 Stored
>> BDAT 4 LAST\r\nha\r\n
expect 503 5.5.1
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> DATA
expect 354
>> BDAT 2 LAST\r\n.\r\n
expect 250 2.0.0 Stored
>> BDAT 4 LAST\r\nha\r\n
expect 503 5.5.1
> QUIT
expect 221
message: hi\r\nho\r\n
message: BDAT 2 LAST\r\n
