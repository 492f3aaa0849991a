# What is no handshake after +OK ends the connection.
set tls 1
< +OK *
> STLS
expect +OK
>> USER bob@xyz.com\r\nPASS secret\r\n
tls fails
mailbox: none
