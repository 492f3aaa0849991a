# Parameters: unknown, malformed, twice.
< 220 *
> EHLO c
expect 250
> MAIL FROM:<alice@abc.com> FOO=bar
expect 555 5.5.4
> MAIL FROM:<alice@abc.com> FOO
expect 555 5.5.4
> MAIL FROM:<alice@abc.com> SIZE=
expect 501 5.5.4
> MAIL FROM:<alice@abc.com> =5
expect 501 5.5.4
> MAIL FROM:<alice@abc.com> SIZE=abc
expect 501 5.5.4
> MAIL FROM:<alice@abc.com> SIZE=-1
expect 501 5.5.4
> MAIL FROM:<alice@abc.com> SIZE
expect 501 5.5.4
> MAIL FROM:<alice@abc.com> SIZE=1 SIZE=1
expect 501 5.5.4
> MAIL FROM:<alice@abc.com> BODY=BINARYMIME
expect 501 5.5.4
> MAIL FROM:<alice@abc.com> SMTPUTF8=yes
expect 501 5.5.4
> MAIL FROM:<alice@abc.com> AUTH=<>
expect 555 5.5.4
> MAIL FROM:<alice@abc.com>  SIZE=123  BODY=8BITMIME SMTPUTF8 
expect 250 2.1.0
> QUIT
expect 221
policy: mail alice@abc.com size=123 8bit utf8 esmtp
policy: reset
policy: none
