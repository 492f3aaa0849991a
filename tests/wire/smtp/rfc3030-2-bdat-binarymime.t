# BINARYMIME is not offered (3).
< 220 *
> EHLO c
expect 250
> MAIL FROM:<alice@abc.com> BODY=BINARYMIME
expect 501 5.5.4
> MAIL FROM:<alice@abc.com> BODY=8BITMIME
expect 250
> QUIT
expect 221
