set remote 1
set clear-text 1
< +OK *
> USER bob@xyz.com
expect +OK
> PASS secret
expect +OK
> QUIT
expect +OK
expect close
