# RFC 5321 3.8: a client that is not served now gets 421 and a close.
set connect-code 450
< 421 4.7.1 mx.test Not from there
expect close
policy: connect 127.0.0.1
policy: disconnect
policy: none
