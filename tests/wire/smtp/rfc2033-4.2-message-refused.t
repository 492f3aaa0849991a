# What is wrong with the whole message is said to each recipient.
set lmtp 1
set size-max 100
< 220 *
> LHLO c
expect 250
> MAIL FROM:<late@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> RCPT TO:<carol@xyz.com>
expect 250
> DATA
expect 354
> x
> .
expect 554 5.6.0
expect 554 5.6.0
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> RCPT TO:<carol@xyz.com>
expect 250
> DATA
expect 354
> \{200:x}
> .
expect 552 5.3.4
expect 552 5.3.4
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> RCPT TO:<carol@xyz.com>
expect 250
> DATA
expect 354
>> a\nb\r\n.\r\n
expect 550 5.6.11
expect 550 5.6.11
expect 421 4.7.0
expect close
stored: 0
