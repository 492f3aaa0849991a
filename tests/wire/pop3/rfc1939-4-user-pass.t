# RFC 1939 4 and 7: USER and PASS; no timestamp in the greeting (no APOP).
< +OK mx.test POP3 server ready
> STAT
expect -ERR
> USER bob@xyz.com
expect +OK
> PASS secret
< +OK 5 messages, 241 octets
> USER bob@xyz.com
expect -ERR
> APOP bob c4c9334bac560ecc979e58001b3e22fb
expect -ERR
> QUIT
expect +OK
expect close
mailbox: open bob@xyz.com
mailbox: close
mailbox: none
