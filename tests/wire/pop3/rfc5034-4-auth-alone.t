# No RFC says what AUTH without a mechanism is; old clients ask for the list.
< +OK *
> AUTH
< +OK mechanisms follow
< PLAIN
< LOGIN
< .
> auth
expect +OK
< PLAIN
< LOGIN
< .
> AUTH PLAIN AGJvYkB4eXouY29tAHNlY3JldA==
< +OK 5 messages, 241 octets
> AUTH
< -ERR not after login
> QUIT
expect +OK
expect close
mailbox: open bob@xyz.com
mailbox: close
