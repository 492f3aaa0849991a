# MAIL: what is a path, what is none.
< 220 *
> EHLO c
expect 250
> MAIL
expect 501 5.5.4
> MAIL alice@abc.com
expect 501 5.5.4
> MAIL TO:<alice@abc.com>
expect 501 5.5.4
> MAIL FROM:
expect 501 5.1.7
> MAIL FROM:alice
expect 501 5.1.7
> MAIL FROM:alice@abc.com>
expect 501 5.5.4
> MAIL FROM:alice@abc.com,bob@abc.com
expect 501 5.5.4
> MAIL FROM:alice@abc.comSIZE=1
expect 501 5.5.4
> MAIL FROM:\{251:a}@abc.com
expect 501 5.1.7
> MAIL FROM:<alice@abc.com
expect 501 5.1.7
> MAIL FROM:<alice>
expect 501 5.1.7
> MAIL FROM:<@abc.com>
expect 501 5.1.7
> MAIL FROM:<a b@abc.com>
expect 501 5.1.7
> MAIL FROM:<alice@abc..com>
expect 501 5.1.7
> MAIL FROM:<\{65:a}@abc.com>
expect 501 5.1.7
> MAIL FROM:<alice@abc.com>SIZE=1
expect 501 5.5.4
> mail from:<>
expect 250 2.1.0
> RSET
expect 250 2.0.0
> MAIL FROM: <"a b"@abc.com>
expect 250 2.1.0
> RSET
expect 250 2.0.0
> MAIL FROM:<@one.test,@two.test:alice@abc.com>
expect 250 2.1.0
> RSET
expect 250 2.0.0
> MAIL FROM:Alice@abc.com
expect 250 2.1.0
> RCPT TO: bob@xyz.com
expect 250 2.1.5
> RCPT TO:postmaster
expect 501 5.1.3
> RCPT TO:
expect 501 5.1.3
> RSET
expect 250 2.0.0
> MAIL FROM: "a b"@abc.com SIZE=7
expect 250 2.1.0
> QUIT
expect 221
policy: mail  size=-1 esmtp
policy: reset
policy: mail "a b"@abc.com *
policy: reset
policy: mail alice@abc.com *
policy: reset
policy: mail alice@abc.com *
policy: rcpt bob@xyz.com
policy: reset
policy: mail "a b"@abc.com size=7 *
policy: reset
policy: none
