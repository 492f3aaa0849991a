< 220 *
> NOOP \{20000:x}\x00\{20000:y}
expect 500 5.5.2
expect 421 4.7.0
expect close
