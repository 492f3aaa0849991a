# A text line over 998 octets is accepted, neither split nor cut.
< 220 *
> EHLO c
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> DATA
expect 354
> \{998:a}
> \{999:b}
> \{70000:c}
> .
expect 250
> QUIT
expect 221
message: \{998:a}\r\n\{999:b}\r\n\{70000:c}\r\n
