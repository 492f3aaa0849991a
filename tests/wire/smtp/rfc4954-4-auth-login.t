set auth 1
< 220 *
> EHLO c
expect 250
> AUTH LOGIN
< 334 VXNlcm5hbWU6
> YWxpY2VAYWJjLmNvbQ==
< 334 UGFzc3dvcmQ6
> c2VjcmV0
expect 235 2.7.0
> QUIT
expect 221
