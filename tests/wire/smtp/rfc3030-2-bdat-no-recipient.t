# After a failed RCPT the octets are thrown away, not obeyed; the transaction is
# over, so that a recipient between two chunks cannot get half a message.
< 220 *
> EHLO c
expect 250
>> MAIL FROM:<alice@abc.com>\r\nRCPT TO:<nobody@xyz.com>\r\nBDAT 6\r\nQUIT\r\nRCPT TO:<bob@xyz.com>\r\nBDAT 6 LAST\r\nQUIT\r\n
expect 250 2.1.0
expect 550 5.1.1
expect 554 5.5.1
expect 503 5.5.1
expect 503 5.5.1
> RSET
expect 250
>> MAIL FROM:<refused@abc.com>\r\nRCPT TO:<bob@xyz.com>\r\nBDAT 6 LAST\r\nQUIT\r\n
expect 550 5.7.1
expect 503 5.5.1
expect 503 5.5.1
> QUIT
expect 221
stored: 0
