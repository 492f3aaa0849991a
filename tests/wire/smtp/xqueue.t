# What has been handed in is shown to, and taken back by, who has logged in.
set auth 1
set queue 1
< 220 *
> EHLO c
expect 250 has XQUEUE
> XQUEUE LIST
expect 530 5.7.0
> XQUEUE CANCEL q1
expect 530 5.7.0
> AUTH PLAIN AGFsaWNlQGFiYy5jb20Ac2VjcmV0
expect 235
> XQUEUE list
< 250-2.0.0 q1 now 12 <bob@xyz.com>
< 250 2.0.0 1 message
> XQUEUE CANCEL q1
expect 250 2.0.0 q1 cancelled
> XQUEUE CANCEL q2
expect 550 5.5.4
> XQUEUE
expect 501 5.5.4
> XQUEUE CANCEL
expect 501 5.5.4
> XQUEUE CANCEL Q1
expect 501 5.5.4
> XQUEUE CANCEL q1 q2
expect 501 5.5.4
> XQUEUE CANCEL 0123456789abcdefg
expect 501 5.5.4
> XQUEUE LIST q1
expect 501 5.5.4
> MAIL FROM:<alice@abc.com>
expect 250
> XQUEUE LIST
expect 503 5.5.1
> QUIT
expect 221
policy: queue alice@abc.com LIST
policy: queue alice@abc.com q1
policy: queue alice@abc.com q2
policy: mail *
policy: reset
policy: none
