set auth 1
< 220 *
> EHLO c
expect 250
>> AUTH PLAIN AGFsaWNlQGFiYy5jb20Ac2VjcmV0\r\nMAIL FROM:<alice@abc.com>\r\n
expect 503 5.5.1
expect 421 4.7.0
expect close
policy: none
