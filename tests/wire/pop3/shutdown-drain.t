# The server stops: told so, and nothing is deleted.
< +OK *
> USER bob@xyz.com
expect +OK
> PASS secret
expect +OK
> DELE 1
expect +OK
drain
< -ERR [SYS/TEMP] server is shutting down
expect close
mailbox: open bob@xyz.com
mailbox: close
mailbox: none
