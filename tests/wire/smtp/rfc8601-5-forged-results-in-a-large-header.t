# A header of several pieces is stored as it came, but for what is forged.
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
>> A: b\r\n\{30000:C: d\r\n}Authentication-Results: mx.test; none\r\nE: f\r\n
>> \r\nbody\r\n.\r\n
expect 250 2.0.0
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
>> BDAT 180059 LAST\r\nA: b\r\n\{30000:C: d\r\n}
>> Authentication-Results: mx.test; none\r\nE: f\r\n\r\nbody\r\n
expect 250 2.0.0
> QUIT
expect 221
message: A: b\r\n\{30000:C: d\r\n}E: f\r\n\r\nbody\r\n
message: A: b\r\n\{30000:C: d\r\n}E: f\r\n\r\nbody\r\n
