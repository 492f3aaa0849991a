# 4.2: everything of a transaction in one write, and of the next behind it.
< 220 *
> EHLO c
expect 250
>> MAIL FROM:<alice@abc.com>\r\nRCPT TO:<nobody@xyz.com>\r\nRCPT TO:<bob@xyz.com>\r\nBDAT 6\r\nQUIT\r\nBDAT 6 LAST\r\nRSET\r\nMAIL FROM:<alice@abc.com>\r\nRCPT TO:<bob@xyz.com>\r\nBDAT 2 LAST\r\nxyQUIT\r\n
expect 250 2.1.0
expect 550 5.1.1
expect 250 2.1.5
expect 250 2.0.0 6 octets
expect 250 2.0.0 Stored
expect 250 2.1.0
expect 250 2.1.5
expect 250 2.0.0 Stored
expect 221
expect close
message: QUIT\r\nRSET\r\n
message: xy\r\n
