# RFC 1939 5, 7: STAT, LIST, UIDL; deleted messages are left out.
< +OK *
> USER bob@xyz.com
expect +OK
> PASS secret
expect +OK
> STAT
< +OK 5 241
> LIST
< +OK 5 messages (241 octets)
< 1 43
< 2 45
< 3 28
< 4 99
< 5 26
< .
> LIST 2
< +OK 2 45
> UIDL 2
< +OK 2 uidl-2
> DELE 1
expect +OK
> DELE 1
expect -ERR
> DELE 4
expect +OK
> STAT
< +OK 3 99
> UIDL
< +OK 3 messages*
< 2 uidl-2
< 3 uidl-3
< 5 uidl-5
< .
> LIST 1
expect -ERR
> UIDL 4
expect -ERR
> RETR 1
expect -ERR
> TOP 1 0
expect -ERR
> LIST 0
expect -ERR
> LIST 6
expect -ERR
> LIST -1
expect -ERR
> LIST 99999999999999999999
expect -ERR
> LIST 4294967297
expect -ERR
> LIST 1 2
expect -ERR
> list 2 
< +OK 2 45
> QUIT
< +OK 3 messages left, bye
expect close
mailbox: open bob@xyz.com
mailbox: remove 1
mailbox: remove 4
mailbox: sync
mailbox: close
mailbox: none
