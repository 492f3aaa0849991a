< +OK *
> QUIT
expect +OK
expect close
mailbox: none
