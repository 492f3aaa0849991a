# RFC 2449 4: 255 octets with CRLF; a longer line is dropped, not split.
< +OK *
> USER \{248:u}
expect +OK
> USER \{249:u}
< -ERR line too long
> \{70000:x}
< -ERR line too long
> CAPA extra
expect -ERR
> QUIT
expect +OK
expect close
