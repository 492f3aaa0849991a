< +OK *
> USER nobody@xyz.com
expect +OK
> PASS wrong
expect -ERR
# nothing was opened: not a word of messages
> QUIT
< +OK bye
expect close
mailbox: none
