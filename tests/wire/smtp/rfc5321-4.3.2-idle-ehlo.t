# What leads nowhere counts as an error after the tenth.
< 220 *
> EHLO c
expect 250
> EHLO c
expect 250
> EHLO c
expect 250
> EHLO c
expect 250
> EHLO c
expect 250
> EHLO c
expect 250
> EHLO c
expect 250
> EHLO c
expect 250
> EHLO c
expect 250
> EHLO c
expect 250
> EHLO c
expect 250
> EHLO c
expect 250
> EHLO c
expect 250
> EHLO c
expect 250
> EHLO c
expect 250
> EHLO c
expect 250
> EHLO c
expect 250
> EHLO c
expect 250
> EHLO c
expect 250
> EHLO c
expect 250
> EHLO c
expect 250
> EHLO c
expect 250
> EHLO c
expect 250
> EHLO c
expect 250
> EHLO c
expect 250
> EHLO c
expect 250
> EHLO c
expect 250
> EHLO c
expect 250
> EHLO c
expect 250
> EHLO c
expect 421 4.7.0
expect close
