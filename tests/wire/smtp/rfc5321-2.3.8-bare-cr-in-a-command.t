< 220 *
> NOOP a\rb
expect 500 5.5.2
expect close
