# The session's limit comes before the idle one.
set session-ms 150
< 220 *
> NOOP
expect 250
expect 421 4.4.2
expect close
