# The exchange's lines obey the same rules as commands.
set auth 1
< 220 *
> EHLO c
expect 250
> AUTH PLAIN
< 334 
>> AGFsaWNlQGFiYy5jb20Ac2VjcmV0\n
expect 500 5.5.2
expect 421 4.7.0
expect close
