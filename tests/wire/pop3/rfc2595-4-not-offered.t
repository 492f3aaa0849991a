< +OK *
> STLS
expect -ERR
> QUIT
expect +OK
expect close
