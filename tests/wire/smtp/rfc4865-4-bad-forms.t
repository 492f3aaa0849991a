# Over the limit, both, twice, or no such value: 501 5.5.4, nothing is begun.
set future-release 86400
< 220 *
> EHLO c
expect 250
> MAIL FROM:<alice@abc.com> HOLDFOR=86401
expect 501 5.5.4
> MAIL FROM:<alice@abc.com> HOLDFOR=1 HOLDUNTIL=2001-02-03T04:05:06Z
expect 501 5.5.4
> MAIL FROM:<alice@abc.com> HOLDUNTIL=2001-02-03T04:05:06Z HOLDFOR=1
expect 501 5.5.4
> MAIL FROM:<alice@abc.com> HOLDFOR=1 HOLDFOR=2
expect 501 5.5.4
> MAIL FROM:<alice@abc.com> HOLDFOR=0
expect 501 5.5.4
> MAIL FROM:<alice@abc.com> HOLDFOR=-1
expect 501 5.5.4
> MAIL FROM:<alice@abc.com> HOLDFOR=
expect 501 5.5.4
> MAIL FROM:<alice@abc.com> HOLDFOR
expect 501 5.5.4
> MAIL FROM:<alice@abc.com> HOLDFOR=9999999999999
expect 501 5.5.4
> MAIL FROM:<alice@abc.com> HOLDUNTIL=9999-12-31T23:59:59Z
expect 501 5.5.4
> MAIL FROM:<alice@abc.com> HOLDUNTIL=tomorrow
expect 501 5.5.4
> MAIL FROM:<alice@abc.com> HOLDUNTIL=2026-02-30T00:00:00Z
expect 501 5.5.4
> MAIL FROM:<alice@abc.com>
expect 250
> QUIT
expect 221
policy: mail *
policy: reset
policy: none
