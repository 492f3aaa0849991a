# A bare LF ends a command too; a CR or NUL inside is refused.
< +OK *
>> CAPA x\nNOOP\n
expect -ERR
expect -ERR
>> USER b\rob\r\n
< -ERR CR or NUL inside a command
>> USER b\x00ob\r\n
< -ERR CR or NUL inside a command
> 
expect -ERR
>  QUIT
expect -ERR
> quit
expect +OK
expect close
