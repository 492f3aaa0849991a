# Told to leave in the middle of a chunk: nothing is kept.
< 220 *
> EHLO c
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
>> BDAT 100 LAST\r\nhalf
kill
expect 421 4.3.2
expect close
stored: 0
