< 220 *
> NOOP a\x00b
expect 500 5.5.2
expect 421 4.7.0
expect close
