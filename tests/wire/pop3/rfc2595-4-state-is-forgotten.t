# USER from before TLS does not count after it, and UTF8 neither.
set tls 1
< +OK *
> UTF8
expect +OK
> USER bob@xyz.com
expect +OK
> STLS
expect +OK
tls
> PASS secret
expect -ERR
> USER bob@xyz.com
expect +OK
> PASS secret
expect +OK
> STLS
expect -ERR
> QUIT
expect +OK
expect close
