# A name may be odd (4.1.4): what is not harmless to quote becomes '?'.  There
# must be one.
< 220 *
> EHLO
expect 501 5.5.4
> HELO
expect 501 5.5.4
> EHLO \t
expect 501 5.5.4
> MAIL FROM:<alice@abc.com>
expect 503 5.5.1
> EHLO two words
expect 250 mx.test
> EHLO <script>
expect 250 mx.test
> EHLO caf\xc3\xa9.example
expect 250 mx.test
> HELO a"b
expect 250 mx.test
> EHLO my_pc
expect 250 mx.test
> EHLO [192.0.2.1]
expect 250 mx.test
> EHLO [IPv6:2001:db8::1]
expect 250 mx.test
> EHLO \{255:a}
expect 250 mx.test
> EHLO \{256:a}
expect 501 5.5.4
> QUIT
expect 221 2.0.0
