# Authentication-Results that claim to be ours are taken out, by DATA and BDAT.
set authserv-id 1
< 220 *
> EHLO c
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> DATA
expect 354
> A: b
> authentication-results : (x)
>  "MX.test" 1; spf=pass
> \tsmtp.mailfrom=x
> Authentication-Results: mx.other; none
>> \r\n
> Authentication-Results: mx.test; none
> .
expect 250 2.0.0
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
>> BDAT 26\r\nA: b\r\nAuthentication-Resul
expect 250
>> BDAT 36 LAST\r\nts: mx.test;\r\n none\r\nC: d\r\n\r\nbody.\r\n
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> DATA
expect 354
> Authentication-Results: mx.test; none
> .
expect 250
> QUIT
expect 221
message: A: b\r\nAuthentication-Results: mx.other; none\r\n\r\nAuthentication-Results: mx.test; none\r\n
message: A: b\r\nC: d\r\n\r\nbody.\r\n
size: 0
