# Where it is not offered it is a parameter like any unknown one.
< 220 *
> EHLO c
expect 250
> MAIL FROM:<alice@abc.com> HOLDFOR=1
expect 555 5.5.4
> MAIL FROM:<alice@abc.com> HOLDUNTIL=2001-02-03T04:05:06Z
expect 555 5.5.4
> QUIT
expect 221
policy: none
