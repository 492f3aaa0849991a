# The longest values fit; ENVID is at most 100 characters, ORCPT 500.
set dsn 1
< 220 *
> EHLO c
expect 250
> MAIL FROM:<alice@abc.com> RET=FULL ENVID=\{101:x}
expect 501 5.5.4
> MAIL FROM:<alice@abc.com> RET=FULL ENVID=\{100:x}
expect 250
> RCPT TO:<bob@xyz.com> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;\{494:x}
expect 501 5.5.4
> RCPT TO:<bob@xyz.com> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;\{493:x}
expect 250
> QUIT
expect 221
