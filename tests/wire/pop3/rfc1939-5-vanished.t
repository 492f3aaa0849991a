# RFC 3206 3: a message another program removed is no error of the client's.
< +OK *
> USER bob@xyz.com
expect +OK
> PASS secret
expect +OK
> RETR 4
< -ERR [SYS/TEMP] somebody removed this message
> TOP 4 1
< -ERR [SYS/TEMP] *
> NOOP
expect +OK
> QUIT
expect +OK
mailbox: open bob@xyz.com
mailbox: close
