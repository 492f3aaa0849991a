# What leads nowhere counts as an error after the tenth.
< +OK *
> UTF8
< +OK *
> UTF8
< +OK *
> UTF8
< +OK *
> UTF8
< +OK *
> UTF8
< +OK *
> UTF8
< +OK *
> UTF8
< +OK *
> UTF8
< +OK *
> UTF8
< +OK *
> UTF8
< +OK *
> UTF8
< +OK *
> UTF8
< +OK *
> UTF8
< +OK *
> UTF8
< +OK *
> UTF8
< +OK *
> UTF8
< +OK *
> UTF8
< +OK *
> UTF8
< +OK *
> UTF8
< +OK *
> UTF8
< +OK *
> UTF8
< +OK *
> UTF8
< +OK *
> UTF8
< +OK *
> UTF8
< +OK *
> UTF8
< +OK *
> UTF8
< +OK *
> UTF8
< +OK *
> UTF8
< +OK *
> UTF8
< +OK *
> UTF8
< -ERR *
expect close
