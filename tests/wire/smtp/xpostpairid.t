# The delivery id between our own two servers.
set delivery-ids 1
< 220 *
> EHLO c
expect 250 has XPOSTPAIRID
> MAIL FROM:<alice@abc.com> XPOSTPAIRID
expect 501 5.5.4
> MAIL FROM:<alice@abc.com> XPOSTPAIRID=a/b
expect 501 5.5.4
> MAIL FROM:<alice@abc.com> XPOSTPAIRID=a XPOSTPAIRID=b
expect 501 5.5.4
> MAIL FROM:<alice@abc.com> XPOSTPAIRID=01234567890123456789012345678901234567890123456789012345678901234
expect 501 5.5.4
> MAIL FROM:<alice@abc.com> SIZE=10 XPOSTPAIRID=0123456789012345678901234567890123456789012345678901234567Az.-_9
expect 250
> RSET
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> QUIT
expect 221
policy: mail alice@abc.com size=10*
policy: id=0123456789012345678901234567890123456789012345678901234567Az.-_9
policy: reset
policy: mail alice@abc.com*
policy: reset
policy: none
