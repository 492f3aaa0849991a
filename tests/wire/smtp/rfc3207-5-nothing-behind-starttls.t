# CVE-2011-0411: what is sent behind STARTTLS would be taken as encrypted.
set tls 1
< 220 *
> EHLO c
expect 250
>> STARTTLS\r\nRSET\r\nMAIL FROM:<eve@abc.com>\r\n
expect 503 5.5.1
expect 421 4.7.0
expect close
