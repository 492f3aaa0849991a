# Dots at line starts, in every piece of the line end.
< 220 *
> EHLO c
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> DATA
expect 354
>> ..\r\n
>> .
>> .\r
>> \n..
>> .x\r\n.y\r\n\r\n..\r
>> \n
>> .
>> \r
>> \n
expect 250 2.0.0
> QUIT
expect 221
message: .\r\n.\r\n..x\r\ny\r\n\r\n.\r\n
