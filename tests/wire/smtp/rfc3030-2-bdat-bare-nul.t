# Lines end in CRLF: nothing else is stored, so nothing else is relayed.  The
# length says where the chunk ends: the session goes on.
< 220 *
> EHLO c
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
>> BDAT 2\r\na\x00
< 550 5.6.11 Message with a bare NUL *
>> BDAT 6 LAST\r\nQUIT\r\n
expect 503 5.5.1
> NOOP
expect 250
> QUIT
expect 221
stored: 0
