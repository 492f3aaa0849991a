# Without a pause before the greeting nothing is early: a client that connects
# and sends at once is served.
set remote 1
> EHLO c
< 220 mx.test *
expect 250
> QUIT
expect 221
expect close
