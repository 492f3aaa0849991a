< 220 *
> VRFY j\xc3\xb6rg
expect 252 2.5.2
> QUIT
expect 221
