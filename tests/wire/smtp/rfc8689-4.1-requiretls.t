# Offered and taken over TLS only; it has no value, and stands once.
set tls 1
set require-tls 1
< 220 *
> EHLO c
expect 250 has STARTTLS
> MAIL FROM:<alice@abc.com> REQUIRETLS
expect 555 5.5.4
> STARTTLS
expect 220
tls
> EHLO c
expect 250 has REQUIRETLS
> MAIL FROM:<alice@abc.com> REQUIRETLS=yes
expect 501 5.5.4
> MAIL FROM:<alice@abc.com> REQUIRETLS REQUIRETLS
expect 501 5.5.4
> MAIL FROM:<alice@abc.com> requiretls SIZE=5
expect 250
> QUIT
expect 221
expect close
policy: mail alice@abc.com size=5 requiretls esmtp
policy: reset
policy: none
