# RFC 1939 3, 5: byte-stuffing, CRLF, a last line without an end.
< +OK *
> USER bob@xyz.com
expect +OK
> PASS secret
expect +OK
> RETR 1
< +OK 43 octets
< Subject: dots
< 
< ..
< ...two
< no .dot
< ..end
< .
> RETR 2
< +OK 45 octets
< Subject: three
< X-Two: 2
< 
< one
< two
< three
< .
> QUIT
expect +OK
expect close
mailbox: open bob@xyz.com
mailbox: seen 1
mailbox: seen 2
mailbox: sync
mailbox: close
mailbox: none
