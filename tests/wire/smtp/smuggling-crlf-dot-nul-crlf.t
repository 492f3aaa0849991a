# An end of data that is none: refused, closed, and nothing after it obeyed.
< 220 *
> EHLO c
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> DATA
expect 354
>> From: a@abc.com\r\n\r\ntext\r\n.\x00\r\nMAIL FROM:<admin@abc.com>\r\nRCPT TO:<bob@xyz.com>\r\nDATA\r\nsmuggled\r\n.\r\n
< 550 5.6.11 Message with a bare NUL *
expect 421 4.7.0
expect close
policy: mail alice@abc.com *
policy: rcpt *
policy: data
policy: reset
policy: none
stored: 0
