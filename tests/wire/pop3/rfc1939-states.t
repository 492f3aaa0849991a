# Every verb in the state it does not belong to, then in the one it does.
< +OK *
> STAT
< -ERR log in first
> LIST
< -ERR log in first
> UIDL
< -ERR log in first
> RETR 1
< -ERR log in first
> TOP 1 1
< -ERR log in first
> DELE 1
< -ERR log in first
> NOOP
< -ERR log in first
> RSET
< -ERR log in first
> STLS
< -ERR STLS is not offered here
> USER empty@xyz.com
expect +OK
> PASS secret
expect +OK
> USER empty@xyz.com
< -ERR not after login
> PASS secret
< -ERR not after login
> AUTH PLAIN
< -ERR not after login
> UTF8
< -ERR not after login
> NOOP
expect +OK
> RSET
expect +OK
> STAT x
< -ERR takes no argument
> DELE
< -ERR argument missing
> QUIT now
< -ERR takes no argument
> QUIT
expect +OK
expect close
