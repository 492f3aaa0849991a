# Wrong forms are 501, and the transaction goes on as it was.
set dsn 1
set errors-max 100
< 220 *
> EHLO c
expect 250
> MAIL FROM:<alice@abc.com> RET=BODY
expect 501 5.5.4
> MAIL FROM:<alice@abc.com> RET
expect 501 5.5.4
> MAIL FROM:<alice@abc.com> RET=FULL RET=FULL
expect 501 5.5.4
> MAIL FROM:<alice@abc.com> ENVID
expect 501 5.5.4
> MAIL FROM:<alice@abc.com> ENVID=a=b
expect 501 5.5.4
> MAIL FROM:<alice@abc.com> ENVID=a+2
expect 501 5.5.4
> MAIL FROM:<alice@abc.com> ENVID=a+2b
expect 501 5.5.4
> MAIL FROM:<alice@abc.com> ENVID=a+0D+0ABcc:x
expect 501 5.5.4
> MAIL FROM:<alice@abc.com> ENVID=a ENVID=a
expect 501 5.5.4
> MAIL FROM:<alice@abc.com> NOTIFY=NEVER
expect 555 5.5.4
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com> NOTIFY
expect 501 5.5.4
> RCPT TO:<bob@xyz.com> NOTIFY=ALWAYS
expect 501 5.5.4
> RCPT TO:<bob@xyz.com> NOTIFY=NEVER,SUCCESS
expect 501 5.5.4
> RCPT TO:<bob@xyz.com> NOTIFY=SUCCESS,
expect 501 5.5.4
> RCPT TO:<bob@xyz.com> NOTIFY=,SUCCESS
expect 501 5.5.4
> RCPT TO:<bob@xyz.com> NOTIFY=SUCCESS NOTIFY=DELAY
expect 501 5.5.4
> RCPT TO:<bob@xyz.com> ORCPT
expect 501 5.5.4
> RCPT TO:<bob@xyz.com> ORCPT=bob@xyz.com
expect 501 5.5.4
> RCPT TO:<bob@xyz.com> ORCPT=rfc822;
expect 501 5.5.4
> RCPT TO:<bob@xyz.com> ORCPT=;bob@xyz.com
expect 501 5.5.4
> RCPT TO:<bob@xyz.com> ORCPT=rfc822;a+0Ab
expect 501 5.5.4
> RCPT TO:<bob@xyz.com> ORCPT=rfc822;a ORCPT=rfc822;a
expect 501 5.5.4
> RCPT TO:<bob@xyz.com> RET=FULL
expect 555 5.5.4
> RCPT TO:<bob@xyz.com>
expect 250
> QUIT
expect 221
policy: mail alice@abc.com*
policy: rcpt bob@xyz.com
policy: reset
policy: none
