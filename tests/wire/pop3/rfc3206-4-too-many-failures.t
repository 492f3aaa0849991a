# A login that has waited in vain is not looked at: not [AUTH], the password
# may well be right; and a client that goes on is cut off.
< +OK *
> USER many
expect +OK
> PASS secret
< -ERR [SYS/TEMP] *
> AUTH PLAIN AG1hbnkAeA==
< -ERR [SYS/TEMP] *
> AUTH PLAIN AG1hbnkAeA==
< -ERR [SYS/TEMP] *
> AUTH PLAIN AG1hbnkAeA==
< -ERR [SYS/TEMP] *
> AUTH PLAIN AG1hbnkAeA==
< -ERR [SYS/TEMP] *
expect close
