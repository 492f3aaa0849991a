< 220 *
>> EHLO c\n
expect 500 5.5.2
expect 421 4.7.0
expect close
policy: none
