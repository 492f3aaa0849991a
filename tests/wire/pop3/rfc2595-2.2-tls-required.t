# Nobody logs in without TLS, from this machine neither.
set tls 1
set tls-required 1
< +OK *
> USER bob@xyz.com
expect -ERR
> AUTH PLAIN AGJvYkB4eXouY29tAHNlY3JldA==
expect -ERR
> STLS
expect +OK
tls
> USER bob@xyz.com
expect +OK
> PASS secret
expect +OK
> QUIT
expect +OK
expect close
