# A chunk that does not come: 421 (RFC 5321 4.5.3.2.5).
set idle-ms 200
< 220 *
> EHLO c
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
>> BDAT 100 LAST\r\nhalf
expect 421 4.4.2
expect close
stored: 0
