# Where a login is needed it has the time of one command, however talkative the
# client is.
set auth 1
set clear-text 1
set auth-required 1
set remote 1
set idle-ms 1500
< 220 *
> EHLO c
expect 250
expect 421 4.4.2
expect close
