< 220 *
> EHLO c
expect 250
drain
expect 421 4.3.2
expect close
