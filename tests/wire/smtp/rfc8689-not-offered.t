# A service that cannot keep the promise does not make it, TLS or not.
set tls 1
< 220 *
> EHLO c
expect 250
> STARTTLS
expect 220
tls
> EHLO c
expect 250
> MAIL FROM:<alice@abc.com> REQUIRETLS
expect 555 5.5.4
> QUIT
expect 221
expect close
policy: none
