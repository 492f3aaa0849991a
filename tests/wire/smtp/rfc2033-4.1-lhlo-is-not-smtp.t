# An SMTP service does not know LHLO.
< 220 *
> LHLO c
expect 500 5.5.1
> HELP LHLO
expect 504 5.5.4
> QUIT
expect 221
