< +OK *
> USER empty@xyz.com
expect +OK
> PASS secret
< +OK 0 messages, 0 octets
> STAT
< +OK 0 0
> LIST
< +OK 0 messages (0 octets)
< .
> UIDL
< +OK*
< .
> RETR 1
expect -ERR
> QUIT
expect +OK
expect close
