# A browser made to speak to us gets no command in, with or without a pause.
set remote 1
>> POST / HTTP/1.1\r\nHost: mx.test\r\n\r\nEHLO c\r\nMAIL FROM:<alice@abc.com>\r\n
< 220 *
< 421 4.7.0 mx.test *
expect close
policy: none
