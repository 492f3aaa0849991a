# CVE-2021-33515: what is sent behind STLS would be taken as encrypted.
set tls 1
< +OK *
>> STLS\r\nUSER bob@xyz.com\r\nPASS secret\r\n
expect -ERR
expect close
mailbox: none
