# What is no handshake after 220 ends the connection, whatever it says.
set tls 1
< 220 *
> EHLO c
expect 250
> STARTTLS
expect 220
> MAIL FROM:<a@b.c>
>> RCPT TO:<bob@xyz.com>\r\nDATA\r\n
tls fails
policy: none
stored: 0
