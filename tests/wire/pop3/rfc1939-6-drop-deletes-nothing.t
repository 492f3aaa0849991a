# RFC 1939 6: without QUIT there is no UPDATE.
< +OK *
> USER bob@xyz.com
expect +OK
> PASS secret
expect +OK
> DELE 1
expect +OK
> RETR 2
< +OK *
drop
mailbox: open bob@xyz.com
mailbox: close
mailbox: none
