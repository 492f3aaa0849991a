# Bytes behind DATA before its reply: 503 and close, nothing stored.
< 220 *
> EHLO c
expect 250
>> MAIL FROM:<alice@abc.com>\r\nRCPT TO:<bob@xyz.com>\r\nDATA\r\nhello\r\n.\r\n
expect 250 2.1.0
expect 250 2.1.5
expect 503 5.5.1
expect 421 4.7.0
expect close
policy: mail *
policy: rcpt *
policy: reset
policy: none
