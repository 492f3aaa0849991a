< 220 *
>> EHLO c\n
expect 500 5.5.2
expect close
policy: none
