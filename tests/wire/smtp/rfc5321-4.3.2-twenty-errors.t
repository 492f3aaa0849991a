# The errors_max-th error is answered by 421 and a close.
< 220 *
> FOO
expect 500 5.5.1
> FOO
expect 500 5.5.1
> FOO
expect 500 5.5.1
> FOO
expect 500 5.5.1
> FOO
expect 500 5.5.1
> FOO
expect 500 5.5.1
> FOO
expect 500 5.5.1
> FOO
expect 500 5.5.1
> FOO
expect 500 5.5.1
> FOO
expect 500 5.5.1
> FOO
expect 500 5.5.1
> FOO
expect 500 5.5.1
> FOO
expect 500 5.5.1
> FOO
expect 500 5.5.1
> FOO
expect 500 5.5.1
> FOO
expect 500 5.5.1
> FOO
expect 500 5.5.1
> FOO
expect 500 5.5.1
> FOO
expect 500 5.5.1
> FOO
expect 421 4.7.0
expect close
