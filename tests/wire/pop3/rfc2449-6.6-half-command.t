# A reply does not wait behind the half of a command.
< +OK *
>> CAPA\r\nQU
< +OK*
< USER
< SASL*
< TOP
< UIDL
< RESP-CODES
< AUTH-RESP-CODE
< PIPELINING
< UTF8*
< EXPIRE*
< IMPL*
< .
>> IT\r\n
expect +OK
expect close
