< 220 *
> EHLO c
expect 250
> MAIL FROM:<alice@abc.com>
expect 250
> RCPT TO:<bob@xyz.com>
expect 250
> DATA
expect 354
>> half\r\n.\r
drop
policy: mail *
policy: rcpt *
policy: data
policy: reset
policy: none
stored: 0
