# Twenty errors end the connection.
< +OK *
>> \{19:X\r\n}
< -ERR unknown command
< -ERR unknown command
< -ERR unknown command
< -ERR unknown command
< -ERR unknown command
< -ERR unknown command
< -ERR unknown command
< -ERR unknown command
< -ERR unknown command
< -ERR unknown command
< -ERR unknown command
< -ERR unknown command
< -ERR unknown command
< -ERR unknown command
< -ERR unknown command
< -ERR unknown command
< -ERR unknown command
< -ERR unknown command
< -ERR unknown command
> X
< -ERR too many errors, closing
expect close
