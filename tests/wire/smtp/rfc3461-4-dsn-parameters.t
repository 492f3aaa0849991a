# What a client asks for reports reaches the policy, each as it was written.
set dsn 1
< 220 *
> EHLO c
expect 250 has DSN
> MAIL FROM:<alice@abc.com> RET=hdrs ENVID=QQ314159+2B1
expect 250 2.1.0
> RCPT TO:<bob@xyz.com> NOTIFY=SUCCESS,delay ORCPT=rfc822;Bob+2Bx@xyz.com
expect 250 2.1.5
> RCPT TO:<far@xyz.com> NOTIFY=NEVER
expect 251
> RCPT TO:<carol@xyz.com> orcpt=X400;/C=US/
expect 501 5.5.4
> RCPT TO:<carol@xyz.com> orcpt=X400;/C+3DUS/
expect 250
> RCPT TO:<dave@xyz.com>
expect 250
> RSET
expect 250
> MAIL FROM:<alice@abc.com> RET=FULL SIZE=5
expect 250 2.1.0
> QUIT
expect 221
policy: mail alice@abc.com*
policy: ret=HDRS envid=QQ314159+2B1
policy: rcpt bob@xyz.com
policy: notify=SUCCESS,DELAY orcpt=rfc822;Bob+2Bx@xyz.com
policy: rcpt far@xyz.com
policy: notify=NEVER orcpt=
policy: rcpt carol@xyz.com
policy: notify= orcpt=X400;/C+3DUS/
policy: rcpt dave@xyz.com
policy: reset
policy: mail alice@abc.com size=5*
policy: ret=FULL envid=
policy: reset
policy: none
