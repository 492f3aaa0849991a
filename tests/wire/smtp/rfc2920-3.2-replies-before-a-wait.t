# Replies go out before the server waits for the rest of a line.
< 220 *
> EHLO c
expect 250
>> MAIL FROM:<alice@abc.com>\r\nRCPT TO
expect 250 2.1.0
>> :<bob@xyz.com>\r\n
expect 250 2.1.5
> QUIT
expect 221
