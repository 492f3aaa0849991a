# RFC 6856 5: a UTF-8 header is not sent to a client that did not ask for it.
< +OK *
> USER bob@xyz.com
expect +OK
> PASS secret
expect +OK
> RETR 3
< -ERR [UTF8] *
> TOP 3 0
< -ERR [UTF8] *
# another charset in the header is as old as mail
> RETR 5
< +OK 26 octets
< Subject: Gr*e
< 
< hall*
< .
> UTF8
expect -ERR
> QUIT
expect +OK
expect close
mailbox: open bob@xyz.com
mailbox: seen 5
mailbox: sync
mailbox: close
mailbox: none
