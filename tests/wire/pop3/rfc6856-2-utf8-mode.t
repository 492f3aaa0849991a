< +OK *
> UTF8 please
expect -ERR
> UTF8
expect +OK
> USER utf8@xyz.com
expect +OK
> PASS secret
expect +OK
> RETR 3
< +OK 28 octets
< Subject: Gr*e
< 
< hallo
< .
> QUIT
expect +OK
expect close
