# A client that stops in the middle of a message has the time of one command,
# not that of the whole message.
set idle-ms 200
set data-ms 60000
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
