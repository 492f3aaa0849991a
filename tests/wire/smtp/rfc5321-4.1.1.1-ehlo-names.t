# A name may be odd (4.1.4) but must be one harmless word.
< 220 *
> EHLO
expect 501 5.5.4
> EHLO two words
expect 501 5.5.4
> EHLO <script>
expect 501 5.5.4
> EHLO caf\xc3\xa9.example
expect 501 5.5.4
> HELO a"b
expect 501 5.5.4
> MAIL FROM:<alice@abc.com>
expect 503 5.5.1
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
