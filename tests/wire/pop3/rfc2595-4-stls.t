# STLS and what is offered before and after.
set tls 1
set remote 1
< +OK *
> CAPA
< +OK*
< STLS
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
> STLS now
expect -ERR
> STLS
expect +OK
tls
> CAPA
< +OK*
< USER
< SASL *
< TOP
< UIDL
< RESP-CODES
< AUTH-RESP-CODE
< PIPELINING
< UTF8 USER
< EXPIRE NEVER
< IMPLEMENTATION *
< .
> STLS
expect -ERR
> USER bob@xyz.com
expect +OK
> PASS secret
expect +OK
> STLS
expect -ERR
> CAPA
< +OK*
< USER
< SASL *
< TOP
< UIDL
< RESP-CODES
< AUTH-RESP-CODE
< PIPELINING
< UTF8 USER
< EXPIRE NEVER
< IMPLEMENTATION *
< .
> QUIT
expect +OK
expect close
