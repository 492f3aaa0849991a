# A browser made to speak to us gets no command in.
set remote 1
set greet-pause-ms 5000
>> POST / HTTP/1.1\r\nHost: mx.test\r\n\r\nMAIL FROM:<alice@abc.com>\r\n
< 421 mx.test *
expect close
policy: none
