# MAIL, RCPT, RCPT, DATA in one write: four replies in order.
< 220 *
> EHLO c
expect 250
>> MAIL FROM:<alice@abc.com>\r\nRCPT TO:<nobody@xyz.com>\r\nRCPT TO:<bob@xyz.com>\r\nDATA\r\n
expect 250 2.1.0
expect 550 5.1.1
expect 250 2.1.5
expect 354
>> hi\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<nobody@xyz.com>\r\nDATA\r\n
expect 250 2.0.0
expect 250 2.1.0
expect 550 5.1.1
expect 554 5.5.1
>> RSET\r\nNOOP\r\nQUIT\r\n
expect 250
expect 250
expect 221
expect close
message: hi\r\n
