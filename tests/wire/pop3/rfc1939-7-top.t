# RFC 1939 7: TOP; reading the top marks nothing.
< +OK *
> USER bob@xyz.com
expect +OK
> PASS secret
expect +OK
> TOP 2 0
< +OK *
< Subject: three
< X-Two: 2
< 
< .
> TOP 2 2
< +OK *
< Subject: three
< X-Two: 2
< 
< one
< two
< .
> TOP 2 99999
< +OK *
< Subject: three
< X-Two: 2
< 
< one
< two
< three
< .
> TOP 1 1
< +OK *
< Subject: dots
< 
< ..
< .
> TOP 2
expect -ERR
> TOP
expect -ERR
> TOP 2 -1
expect -ERR
> TOP 2 1 1
expect -ERR
> QUIT
expect +OK
expect close
mailbox: open bob@xyz.com
mailbox: close
mailbox: none
