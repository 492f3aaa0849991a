# A message in three chunks, cut in the middle of lines and of a CRLF; a dot is a
# byte like others, and what looks like the end of DATA is none.
< 220 *
> EHLO c
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
>> BDAT 11\r\nFrom: a@b\r\n
expect 250 2.0.0 11 octets
>> bdat 5\r\n\r\n.\r\n
expect 250 2.0.0 5 octets
>> BDAT 12\r\n..two\r\n.\r\nx\r
expect 250 2.0.0 12 octets
>> BDAT 1 last\r\n\n
expect 250 2.0.0 Stored
> MAIL FROM:<alice@abc.com>
expect 250
> QUIT
expect 221
policy: mail *
policy: rcpt *
policy: data
policy: end
policy: reset
message: From: a@b\r\n\r\n.\r\n..two\r\n.\r\nx\r\n
