# RFC 5034 4: challenge and response, cancel, nonsense.
< +OK *
> AUTH CRAM-MD5
< -ERR no such mechanism
> auth plain
< + 
> *
expect -ERR
> AUTH PLAIN
< + 
> not base64
expect -ERR
> AUTH PLAIN
< + 
> \{13000:A}
expect -ERR
> AUTH PLAIN AAAA
< -ERR [AUTH] *
> AUTH PLAIN AAAA BBBB
expect -ERR
> AUTH PLAIN
< + 
> AGJvYkB4eXouY29tAHNlY3JldA==
< +OK 5 messages*
> QUIT
expect +OK
expect close
