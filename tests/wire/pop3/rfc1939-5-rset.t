# RFC 1939 5: RSET takes the marks back.
< +OK *
> USER bob@xyz.com
expect +OK
> PASS secret
expect +OK
> DELE 1
expect +OK
> DELE 2
expect +OK
> RSET
< +OK 5 messages (241 octets)
> STAT
< +OK 5 241
> DELE 3
expect +OK
> QUIT
expect +OK
expect close
mailbox: open bob@xyz.com
mailbox: remove 3
mailbox: sync
mailbox: close
