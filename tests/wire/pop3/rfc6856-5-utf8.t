# What came without SMTPUTF8 is an old message with odd bytes in its header: it
# is given as it is, to every client.  RFC 6856 speaks of internationalized ones.
< +OK *
> USER bob@xyz.com
expect +OK
> PASS secret
expect +OK
> RETR 3
< +OK 28 octets
< Subject: Gr*e
< 
< hallo
< .
> TOP 3 0
expect +OK
< Subject: Gr*e
< 
< .
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
mailbox: seen 3
mailbox: seen 5
mailbox: sync
mailbox: close
mailbox: none
