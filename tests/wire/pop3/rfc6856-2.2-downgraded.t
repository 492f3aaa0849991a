# RFC 6856 2.2, RFC 6858: an internationalized message for a client that did not
# say UTF8; every command counts the octets that are sent.
< +OK *
> USER utf8@xyz.com
expect +OK
> PASS secret
< +OK 5 messages, 260 octets
> STAT
< +OK 5 260
> LIST 3
< +OK 3 47
> RETR 3
< +OK 47 octets
< Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=
< 
< hallo
< .
> TOP 3 0
expect +OK
< Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=
< 
< .
> TOP 3 1
expect +OK
< Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=
< 
< hallo
< .
> DELE 3
expect +OK
> STAT
< +OK 4 213
> QUIT
expect +OK
expect close
mailbox: open utf8@xyz.com
mailbox: remove 3
mailbox: sync
mailbox: close
mailbox: none
