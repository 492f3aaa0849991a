# A session carries many messages; nothing of one is seen in the next.
< 220 *
> EHLO c
expect 250
> MAIL FROM:<alice@abc.com> SIZE=20 BODY=8BITMIME
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> RCPT TO:<carol@xyz.com>
expect 250
> DATA
expect 354
> gr\xc3\xbc\xc3\x9fe
> .
expect 250 2.0.0
> MAIL FROM:<>
expect 250
> RCPT TO:<carol@xyz.com>
expect 250
> DATA
expect 354
> two
> .
expect 250 2.0.0
> QUIT
expect 221
policy: mail alice@abc.com size=20 8bit esmtp
policy: rcpt bob@xyz.com
policy: rcpt carol@xyz.com
policy: data
policy: end
policy: reset
policy: mail  size=-1 esmtp
policy: rcpt carol@xyz.com
policy: data
policy: end
policy: reset
policy: none
message: gr\xc3\xbc\xc3\x9fe\r\n
message: two\r\n
