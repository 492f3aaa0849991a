# RFC 3206 4: not [AUTH], the password may well be right.
< +OK *
> USER down
expect +OK
> PASS secret
< -ERR [SYS/TEMP] *
> AUTH PLAIN AGRvd24AeA==
< -ERR [SYS/TEMP] *
> QUIT
expect +OK
