# RFC 2449 8.1.1: the password was right, the maildrop is taken.
< +OK *
> USER busy@xyz.com
expect +OK
> PASS secret
< -ERR [IN-USE] *
> USER broken@xyz.com
expect +OK
> PASS secret
< -ERR [SYS/TEMP] *
> USER bob@xyz.com
expect +OK
> PASS secret
expect +OK
> QUIT
expect +OK
expect close
