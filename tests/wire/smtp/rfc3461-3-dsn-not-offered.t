# Without the extension its parameters are unknown ones.
< 220 *
> EHLO c
expect 250
> MAIL FROM:<alice@abc.com> RET=FULL
expect 555 5.5.4
> MAIL FROM:<alice@abc.com> ENVID=x
expect 555 5.5.4
> MAIL FROM:<alice@abc.com> XPOSTPAIRID=x
expect 555 5.5.4
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com> NOTIFY=NEVER
expect 555 5.5.4
> RCPT TO:<bob@xyz.com> ORCPT=rfc822;bob@xyz.com
expect 555 5.5.4
> QUIT
expect 221
policy: mail alice@abc.com*
policy: reset
policy: none
