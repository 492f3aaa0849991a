# HELO is answered without extensions, and its client has none.
< 220 *
> HELO client.abc.com
< 250 mx.test
> MAIL FROM:<alice@abc.com> SIZE=10
expect 555 5.5.4
> MAIL FROM:<alice@abc.com>
expect 250 2.1.0
> QUIT
expect 221 2.0.0
policy: mail alice@abc.com size=-1
policy: reset
policy: none
