# HELO offers nothing, so nothing may be asked.
set dsn 1
set delivery-ids 1
< 220 *
> HELO c
expect 250
> MAIL FROM:<alice@abc.com> RET=FULL
expect 555 5.5.4
> MAIL FROM:<alice@abc.com> XPOSTPAIRID=x
expect 555 5.5.4
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com> NOTIFY=NEVER
expect 555 5.5.4
> QUIT
expect 221
