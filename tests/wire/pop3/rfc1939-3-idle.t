# RFC 1939 3: an inactive client is left without a word, and without UPDATE.
set idle-ms 300
< +OK *
> USER bob@xyz.com
expect +OK
> PASS secret
expect +OK
> DELE 1
expect +OK
expect close
mailbox: open bob@xyz.com
mailbox: close
mailbox: none
