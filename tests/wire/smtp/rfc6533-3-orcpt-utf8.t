# An original recipient in UTF-8: only with SMTPUTF8 and the type utf-8.
set dsn 1
< 220 *
> EHLO c
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com> ORCPT=utf-8;bø@xyz.com
expect 501 5.5.4
> RCPT TO:<bob@xyz.com> ORCPT=utf-8;b\\x{F8}@xyz.com
expect 250
> RSET
expect 250
> MAIL FROM:<alice@abc.com> SMTPUTF8
expect 250
> RCPT TO:<bob@xyz.com> ORCPT=rfc822;bø@xyz.com
expect 501 5.5.4
> RCPT TO:<bob@xyz.com> ORCPT=utf-8;bø@xyz.com
expect 250
> QUIT
expect 221
