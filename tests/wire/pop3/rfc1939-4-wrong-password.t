# Unknown and wrong look the same; the fifth closes.
< +OK *
> USER bob@xyz.com
< +OK send PASS
> PASS wrong
< -ERR [AUTH] wrong user name or password
> USER nobody@xyz.com
< +OK send PASS
> PASS secret
< -ERR [AUTH] wrong user name or password
# PASS without a new USER
> PASS secret
expect -ERR
> USER bob@xyz.com
expect +OK
# a password may have blanks around it: these are part of it
> PASS  secret
< -ERR [AUTH] wrong user name or password
> USER bob@xyz.com
expect +OK
> PASS secret 
< -ERR [AUTH] wrong user name or password
> USER bob@xyz.com
expect +OK
> PASS x
< -ERR [AUTH] too many failed logins, closing
expect close
mailbox: none
