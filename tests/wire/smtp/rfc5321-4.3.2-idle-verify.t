# Other servers ask about recipients, and end without a message each time.
< 220 *
> EHLO c
expect 250
> MAIL FROM:<>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> RSET
expect 250
> MAIL FROM:<>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> RSET
expect 250
> MAIL FROM:<>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> RSET
expect 250
> MAIL FROM:<>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> RSET
expect 250
> MAIL FROM:<>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> RSET
expect 250
> MAIL FROM:<>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> RSET
expect 250
> MAIL FROM:<>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> RSET
expect 250
> MAIL FROM:<>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> RSET
expect 250
> MAIL FROM:<>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> RSET
expect 250
> MAIL FROM:<>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> RSET
expect 250
> MAIL FROM:<>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> RSET
expect 250
> MAIL FROM:<>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> RSET
expect 250
> MAIL FROM:<>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> RSET
expect 250
> MAIL FROM:<>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> RSET
expect 250
> MAIL FROM:<>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> RSET
expect 250
> MAIL FROM:<>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> RSET
expect 250
> MAIL FROM:<>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> RSET
expect 250
> MAIL FROM:<>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> RSET
expect 250
> MAIL FROM:<>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> RSET
expect 250
> MAIL FROM:<>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> RSET
expect 250
> MAIL FROM:<>
expect 250
> RCPT TO:<nobody@xyz.com>
expect 550
> RSET
expect 250
> MAIL FROM:<>
expect 250
> RCPT TO:<nobody@xyz.com>
expect 550
> RSET
expect 250
> MAIL FROM:<>
expect 250
> RCPT TO:<nobody@xyz.com>
expect 550
> RSET
expect 250
> MAIL FROM:<>
expect 250
> RCPT TO:<nobody@xyz.com>
expect 550
> RSET
expect 250
> MAIL FROM:<>
expect 250
> RCPT TO:<nobody@xyz.com>
expect 550
> RSET
expect 250
> MAIL FROM:<>
expect 250
> RCPT TO:<nobody@xyz.com>
expect 550
> RSET
expect 250
> MAIL FROM:<>
expect 250
> RCPT TO:<nobody@xyz.com>
expect 550
> RSET
expect 250
> MAIL FROM:<>
expect 250
> RCPT TO:<nobody@xyz.com>
expect 550
> RSET
expect 250
> MAIL FROM:<>
expect 250
> RCPT TO:<nobody@xyz.com>
expect 550
> RSET
expect 250
> MAIL FROM:<>
expect 250
> RCPT TO:<nobody@xyz.com>
expect 550
> RSET
expect 250
> MAIL FROM:<>
expect 250
> RCPT TO:<nobody@xyz.com>
expect 550
> RSET
expect 250
> MAIL FROM:<>
expect 250
> RCPT TO:<nobody@xyz.com>
expect 550
> RSET
expect 250
> MAIL FROM:<>
expect 250
> RCPT TO:<nobody@xyz.com>
expect 550
> RSET
expect 250
> MAIL FROM:<>
expect 250
> RCPT TO:<nobody@xyz.com>
expect 550
> RSET
expect 250
> MAIL FROM:<>
expect 250
> RCPT TO:<nobody@xyz.com>
expect 550
> RSET
expect 250
> MAIL FROM:<>
expect 250
> RCPT TO:<nobody@xyz.com>
expect 550
> RSET
expect 250
> MAIL FROM:<>
expect 250
> RCPT TO:<nobody@xyz.com>
expect 550
> RSET
expect 250
> MAIL FROM:<>
expect 250
> RCPT TO:<nobody@xyz.com>
expect 550
> RSET
expect 250
> MAIL FROM:<>
expect 250
> RCPT TO:<nobody@xyz.com>
expect 550
> RSET
expect 250
> MAIL FROM:<>
expect 250
> RCPT TO:<nobody@xyz.com>
expect 550
> RSET
expect 250
> QUIT
expect 221
