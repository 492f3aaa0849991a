# The pause is for strangers: who comes from this machine is greeted at once.
set greet-pause-ms 600000
> EHLO c
< 220 mx.test *
expect 250
> QUIT
expect 221
expect close
