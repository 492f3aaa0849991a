# RFC 1939 6: QUIT says when something was not removed.
< +OK *
> USER readonly@xyz.com
expect +OK
> PASS secret
expect +OK
> DELE 1
expect +OK
> QUIT
< -ERR [SYS/TEMP] some messages were not removed
expect close
mailbox: open readonly@xyz.com
mailbox: sync
mailbox: close
