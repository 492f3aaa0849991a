# HOLDFOR and HOLDUNTIL within the limits that EHLO states.
set future-release 86400
< 220 *
> EHLO c
< 250-mx.test
< 250-PIPELINING
< 250-SIZE 1000000
< 250-8BITMIME
< 250-CHUNKING
< 250-SMTPUTF8
< 250-ENHANCEDSTATUSCODES
< 250-LIMITS RCPTMAX=100
< 250-FUTURERELEASE 86400 20*-*-*T*:*:*Z
< 250 HELP
> MAIL FROM:<alice@abc.com> HOLDFOR=3600
expect 250
> RSET
expect 250
> MAIL FROM:<alice@abc.com> holdfor=1
expect 250
> RSET
expect 250
> MAIL FROM:<alice@abc.com> HOLDUNTIL=2001-02-03T04:05:06+01:00
expect 250
> RSET
expect 250
> MAIL FROM:<alice@abc.com> SIZE=5 HOLDFOR=86400
expect 250
> QUIT
expect 221
policy: mail *
policy: release=for;3600 in an hour
policy: reset
policy: mail *
policy: release=for;1 in less
policy: reset
policy: mail *
policy: release=until;2001-02-03T04:05:06+01:00 in no time
policy: reset
policy: mail *
policy: release=for;86400 in an hour
policy: reset
policy: none
