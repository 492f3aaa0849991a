# RFC 1939 7: PASS only right after USER.
< +OK *
> USER bob@xyz.com
expect +OK
> CAPA
< +OK*
< USER
< SASL PLAIN LOGIN
< TOP
< UIDL
< RESP-CODES
< AUTH-RESP-CODE
< PIPELINING
< UTF8 USER
< EXPIRE NEVER
< IMPLEMENTATION postpair-*
< .
> PASS secret
expect -ERR
> QUIT
expect +OK
expect close
