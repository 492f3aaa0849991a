# The whole message has one limit in time; nothing of it is kept.
set data-ms 100
< 220 *
> EHLO c
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> DATA
expect 354
> half a message
expect 421 4.4.2
expect close
policy: mail *
policy: rcpt *
policy: data
policy: reset
policy: none
