# RFC 5321 4.1.1.4: a message from MAIL to the final reply; dots are taken off.
< 220 mx.test *
> EHLO client.abc.com
expect 250 mx.test has PIPELINING, SIZE 1000000, 8BITMIME, SMTPUTF8, ENHANCEDSTATUSCODES, HELP
> MAIL FROM:<alice@abc.com>
expect 250 2.1.0
> RCPT TO:<Bob@XYZ.com>
expect 250 2.1.5
> RCPT TO:<nobody@xyz.com>
< 550 5.1.1 No such user
> DATA
< 354 *
> From: alice@abc.com
>
> ..dot
> ...
> end
> .
expect 250 2.0.0
> QUIT
expect 221 2.0.0
expect close
policy: mail alice@abc.com size=-1 esmtp
policy: rcpt bob@xyz.com
policy: rcpt nobody@xyz.com
policy: data
policy: end
policy: reset
policy: none
message: From: alice@abc.com\r\n\r\n.dot\r\n..\r\nend\r\n
