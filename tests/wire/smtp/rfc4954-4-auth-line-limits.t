# 12288 octets are read; a longer response is 500 5.5.6.
set auth 1
< 220 *
> EHLO c
expect 250
> AUTH PLAIN \{12274:A}
expect 501 5.5.2
> AUTH PLAIN \{12276:A}
expect 500 5.5.2
> AUTH PLAIN
< 334 
> \{12287:A}
expect 500 5.5.6
> AUTH PLAIN
< 334 
> \{12284:A}
expect 535 5.7.8
> QUIT
expect 221
