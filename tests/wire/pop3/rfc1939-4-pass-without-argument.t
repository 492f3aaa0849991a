< +OK *
> USER
< -ERR argument missing
> USER  
expect -ERR
> USER bob@xyz.com
expect +OK
> PASS
< -ERR argument missing
> PASS secret
expect +OK
> QUIT
expect +OK
