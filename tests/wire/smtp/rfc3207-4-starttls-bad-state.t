# 501 with an argument; 503 without EHLO, in a transaction, and twice.
set tls 1
< 220 *
> STARTTLS
expect 503 5.5.1
> HELO c
expect 250
> STARTTLS
expect 503 5.5.1
> EHLO c
expect 250 has STARTTLS
> STARTTLS now
expect 501 5.5.4
> MAIL FROM:<a@b.c>
expect 250
> STARTTLS
expect 503 5.5.1
> RSET
expect 250
> STARTTLS
expect 220
tls
> EHLO c
expect 250
> STARTTLS
expect 503 5.5.1
> QUIT
expect 221
expect close
