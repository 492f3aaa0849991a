# From elsewhere no password in clear text, and none is invited.
set remote 1
< +OK *
> CAPA
< +OK*
< TOP
< UIDL
< RESP-CODES
< AUTH-RESP-CODE
< PIPELINING
< UTF8 USER
< EXPIRE NEVER
< IMPLEMENTATION *
< .
> USER bob@xyz.com
expect -ERR
> AUTH
expect -ERR
> AUTH PLAIN AGJvYkB4eXouY29tAHNlY3JldA==
expect -ERR
> QUIT
expect +OK
expect close
mailbox: none
