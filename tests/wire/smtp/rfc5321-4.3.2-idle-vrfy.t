# What leads nowhere counts as an error after the tenth.
< 220 *
> VRFY a
expect 252
> VRFY a
expect 252
> VRFY a
expect 252
> VRFY a
expect 252
> VRFY a
expect 252
> VRFY a
expect 252
> VRFY a
expect 252
> VRFY a
expect 252
> VRFY a
expect 252
> VRFY a
expect 252
> VRFY a
expect 252
> VRFY a
expect 252
> VRFY a
expect 252
> VRFY a
expect 252
> VRFY a
expect 252
> VRFY a
expect 252
> VRFY a
expect 252
> VRFY a
expect 252
> VRFY a
expect 252
> VRFY a
expect 252
> VRFY a
expect 252
> VRFY a
expect 252
> VRFY a
expect 252
> VRFY a
expect 252
> VRFY a
expect 252
> VRFY a
expect 252
> VRFY a
expect 252
> VRFY a
expect 252
> VRFY a
expect 252
> VRFY a
expect 421 4.7.0
expect close
