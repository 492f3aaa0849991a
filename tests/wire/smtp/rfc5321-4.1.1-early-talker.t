# Input before the greeting: 421 and close, nothing of it is obeyed.
set remote 1
set greet-pause-ms 5000
> EHLO c
< 421 mx.test *
expect close
policy: none
