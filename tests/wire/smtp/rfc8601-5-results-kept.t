# Without an authserv-id of ours there is nothing that could be forged.
< 220 *
> EHLO c
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> DATA
expect 354
> Authentication-Results: mx.test; none
> .
expect 250
> QUIT
expect 221
message: Authentication-Results: mx.test; none\r\n
