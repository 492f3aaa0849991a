# LMTP: a chunk has one reply, the last one a reply for each recipient, refused or
# not (RFC 2033 4.2); without a recipient 503.
set lmtp 1
< 220 *
> LHLO c
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> RCPT TO:<nobody@xyz.com>
expect 550
> RCPT TO:<carol@xyz.com>
expect 250
>> BDAT 4\r\nhi\r\n
expect 250 2.0.0 4 octets
>> BDAT 4 LAST\r\nho\r\n
expect 250
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> RCPT TO:<carol@xyz.com>
expect 250
>> BDAT 1\r\n\n
expect 550 5.6.11
>> BDAT 1 LAST\r\n\n
expect 503 5.5.1
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> RCPT TO:<carol@xyz.com>
expect 250
>> BDAT 1 LAST\r\n\n
expect 550 5.6.11
expect 550 5.6.11
> MAIL FROM:<alice@abc.com>
expect 250
>> BDAT 6 LAST\r\nQUIT\r\n
expect 503 5.5.1
> QUIT
expect 221
message: hi\r\nho\r\n
