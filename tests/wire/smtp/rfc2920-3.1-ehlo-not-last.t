< 220 *
>> EHLO c\r\nNOOP\r\n
expect 503 5.5.1
expect 421 4.7.0
expect close
