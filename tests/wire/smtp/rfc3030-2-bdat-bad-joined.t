# Where the next command would begin, nobody can say: closed.
< 220 *
> EHLO c
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
>> BDAT 4LAST\r\nQUIT\r\n
expect 501 5.5.4
expect 421 4.7.0
expect close
stored: 0
