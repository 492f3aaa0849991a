# A stored message forgives earlier errors.
set errors-max 4
< 220 *
> EHLO c
expect 250
> FOO
expect 500
> FOO
expect 500
> FOO
expect 500
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> DATA
expect 354
> .
expect 250 2.0.0
> FOO
expect 500
> FOO
expect 500
> FOO
expect 500
> FOO
expect 421 4.7.0
expect close
