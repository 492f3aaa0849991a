# RFC 5034 4: initial response.
< +OK *
> AUTH PLAIN AGJvYkB4eXouY29tAHNlY3JldA==
< +OK 5 messages, 241 octets
> AUTH PLAIN AGJvYkB4eXouY29tAHNlY3JldA==
expect -ERR
> QUIT
expect +OK
expect close
mailbox: open bob@xyz.com
mailbox: close
